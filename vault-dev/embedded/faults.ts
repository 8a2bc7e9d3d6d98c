// Faults that tests inject into the embedded Vault, matched by request.

/** Which requests a fault applies to. The path is the one below `/v1/`, without a query. */
export type FaultMatcher = RegExp | ((request: FaultQuestion) => boolean);

/** The parts of a request that a matcher can test. */
export interface FaultQuestion {
  readonly method: string;
  readonly path: string;
  readonly token: string | undefined;
}

/** What happens to a request that a fault applies to. */
export type Fault =
  /** Answered correctly, but `ms` later. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** Refused as a sealed Vault refuses, and not carried out. */
  | { readonly kind: 'sealed' }
  /** Refused as for a missing right, and not carried out. */
  | { readonly kind: 'forbidden' }
  /** Carried out, and then the connection is cut instead of an answer. */
  | { readonly kind: 'forget' }
  /** The connection is cut before anything is carried out. */
  | { readonly kind: 'refuse' };

interface Rule {
  readonly matcher: FaultMatcher;
  readonly fault: Fault;
  left: number;
}

/** The faults that were added. The newest rule that matches counts. */
export class Faults {
  readonly #rules: Rule[] = [];

  add(matcher: FaultMatcher, fault: Fault, times: number): void {
    this.#rules.unshift({ matcher, fault, left: times });
  }

  clear(): void {
    this.#rules.length = 0;
  }

  /** Finds the fault for a request and counts it. */
  take(question: FaultQuestion): Fault | undefined {
    const rule = this.#rules.find(({ matcher, left }) => left > 0 && matches(matcher, question));
    if (rule === undefined) return undefined;
    rule.left -= 1;
    return rule.fault;
  }
}

function matches(matcher: FaultMatcher, question: FaultQuestion): boolean {
  return matcher instanceof RegExp ? question.path.search(matcher) >= 0 : matcher(question);
}
