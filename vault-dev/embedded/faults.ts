/** Which requests a fault meets. The path is the one below `/v1/`, without a query. */
export type FaultMatcher = RegExp | ((request: FaultQuestion) => boolean);

/** A request, as a fault sees it. */
export interface FaultQuestion {
  readonly method: string;
  readonly path: string;
  readonly token: string | undefined;
}

/** What becomes of a request that a fault meets. */
export type Fault =
  /** Answered as it should be, but that much later. */
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

/** The faults that tests ordered. The newest rule that matches counts. */
export class Faults {
  readonly #rules: Rule[] = [];

  add(matcher: FaultMatcher, fault: Fault, times: number): void {
    this.#rules.unshift({ matcher, fault, left: times });
  }

  clear(): void {
    this.#rules.length = 0;
  }

  /** Takes one off the rule that it finds. */
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
