// Reads the demo's command line options.
import { parseArgs } from 'node:util';

/** The options, as given. */
export interface DemoArguments {
  /** Leaves everything running until Ctrl-C, so that it can be inspected. */
  readonly keep: boolean;
  /** Installs what is missing without asking. */
  readonly yes: boolean;
  readonly help: boolean;
}

export const usage = `npm run demo [-- options]

Runs one job from end to end on real parts, shows what happened, and cleans up.

  --keep   leave everything running, print the addresses, end with Ctrl-C
  --yes    install missing Debian packages without asking
  --help   show this text
`;

/** Throws `Error` with one sentence for an unknown argument. */
export function readArguments(args: readonly string[]): DemoArguments {
  try {
    const options = {
      keep: { type: 'boolean' },
      yes: { type: 'boolean' },
      help: { type: 'boolean' },
    } as const;
    const { values } = parseArgs({ args: [...args], options });
    return { keep: values.keep ?? false, yes: values.yes ?? false, help: values.help ?? false };
  } catch {
    throw new Error(`Expected no arguments but --keep, --yes and --help, got "${args.join(' ')}".`);
  }
}
