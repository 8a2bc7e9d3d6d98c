// Reads the demo's command line options.
import { parseArgs } from 'node:util';

/** The options, as given. */
export interface DemoArguments {
  /** Leaves everything running until Ctrl-C, so that it can be inspected. */
  readonly keep: boolean;
  /** Also shows a call of each other door. */
  readonly doors: boolean;
  /** Installs what is missing without asking. */
  readonly yes: boolean;
  readonly help: boolean;
}

export const usage = `npm run demo [-- options]

Runs one job from end to end on real parts, shows what happened, and cleans up.

  --keep   leave everything running, print the addresses, end with Ctrl-C
  --doors  also make one call of each other job API, and show what became of it
  --yes    install missing Debian packages without asking
  --help   show this text
`;

/** Throws `Error` with one sentence for an unknown argument. */
export function readArguments(args: readonly string[]): DemoArguments {
  try {
    const options = {
      keep: { type: 'boolean' },
      doors: { type: 'boolean' },
      yes: { type: 'boolean' },
      help: { type: 'boolean' },
    } as const;
    const { values } = parseArgs({ args: [...args], options });
    return { keep: false, doors: false, yes: false, help: false, ...values };
  } catch {
    throw new Error(`Expected no arguments but --keep, --doors, --yes and --help, got "${args.join(' ')}".`);
  }
}
