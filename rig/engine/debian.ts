// Installs the Debian packages that a part needs, one run at a time.
import { findProgram, isRoot, type Log, RigError, runCommand } from '../process.js';

/** Asks the person at the terminal; without one, the answer is yes. */
export type Confirm = (question: string) => Promise<boolean>;

export interface InstallOptions {
  readonly confirm?: Confirm | undefined;
  readonly log?: Log | undefined;
}

/**
 * Installs Debian packages as root, or throws with the command to type. Two runs may install at once: a lock makes the
 * second wait and then find the packages installed, because apt itself fails while another apt updates its lists.
 */
export async function installDebianPackages(packages: string[], options: InstallOptions = {}): Promise<void> {
  await assertInstallable(packages);
  await assertWanted(packages, options.confirm);
  options.log?.(`installing ${packages.join(' ')} with apt-get`);
  await runCommand('flock', ['--close', '/run/stint-rig-apt.lock', 'sh', '-c', SCRIPT, 'sh', ...packages], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
}

const SCRIPT = [
  // A removed package that left settings behind is still known, so its state must be asked for.
  `states=$(dpkg-query --show --showformat '\${db:Status-Status}\\n' "$@" 2>/dev/null)`,
  'test "$(echo "$states" | grep --count "^installed$")" -eq $# && exit 0',
  'apt-get -o DPkg::Lock::Timeout=600 --quiet update >&2 || exit',
  'apt-get -o DPkg::Lock::Timeout=600 --quiet --yes --no-install-recommends install "$@" >&2',
].join('\n');

async function assertInstallable(packages: string[]): Promise<void> {
  const list = packages.join(' ');
  if ((await findProgram('apt-get')) === undefined)
    throw new RigError(`Could not install ${list}: this is not Debian. Install the equivalent by hand.`);
  if (!isRoot())
    throw new RigError(
      `Could not install ${list}: only root may. Type: sudo apt-get install --no-install-recommends ${list}`,
    );
}

async function assertWanted(packages: string[], confirm: Confirm | undefined): Promise<void> {
  const list = packages.join(' ');
  if (confirm === undefined || (await confirm(`Install the Debian packages ${list}?`))) return;
  throw new RigError(
    `Could not continue without ${list}. Type: apt-get install --no-install-recommends ${list}`,
  );
}
