// Asks the operator's program whether an image may run.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { completeName, digestOf, parseImageReference } from '../../job/image-reference.js';
import { scrub } from '../engine/errors.js';
import { followSignal } from '../engine/signals.js';
import { unverified } from './errors.js';

export interface ImageVerifierOptions {
  /** An absolute path. */
  readonly program: string;
  readonly timeoutMs: number;
  /** Called with a sentence for the operator, with the program's own words. */
  readonly onFailure: (message: string) => void;
}

/** None of the server's own variables: they may hold secrets. */
const env = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };
const mostWords = 1_000;

/**
 * Runs the program for each job, with the image's name and digest, and with the name that the job wrote; exit code 0 lets the job
 * run, nothing else does. No answer is remembered: a signature may be withdrawn at any time.
 */
export class ImageVerifier {
  readonly #options: ImageVerifierOptions;

  constructor(options: ImageVerifierOptions) {
    this.#options = options;
  }

  /** `digests`: by which registries know the image that was found. Throws `JobFailedError`, or the signal's reason. */
  async verify(image: string, digests: readonly string[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const reference = referenceOf(image, digests);
    if (reference === undefined) throw unverified(image, 'the engine knows no digest of it at its registry');
    const { why, words } = await this.#ask([reference, image], signal);
    if (why === undefined) return;
    const { program, onFailure } = this.#options;
    onFailure(`The image verifier "${program}" ${why}: ${reference}. Its words: "${words}".`);
    throw unverified(image, `the verifier of the operator ${why}`);
  }

  async #ask(args: readonly string[], signal: AbortSignal): Promise<Answer> {
    const child = spawn(this.#options.program, args, {
      cwd: '/',
      env,
      detached: true, // In a group of its own, so that all it started can be ended with it.
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const printed = [child.stderr, child.stdout].map(beginningOf);
    const why = await findRefusal(child, this.#options.timeoutMs, signal);
    return { why, words: scrub(printed.map((text) => text()).join(' ')) };
  }
}

interface Answer {
  /** Completes a sentence about the program. Undefined: it accepts. */
  readonly why: string | undefined;
  readonly words: string;
}

/** Only where the engine says that this registry has the image which was found under this digest. */
function referenceOf(image: string, digests: readonly string[]): string | undefined {
  const asked = parseImageReference(image);
  if (asked === undefined) return undefined;
  const reference = `${completeName(asked)}@${digestOf(image, digests)}`;
  const known = digests
    .map(parseImageReference)
    .map((each) => each && `${completeName(each)}@${each.digest}`);
  return known.includes(reference) ? reference : undefined;
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

/** Settles when it has ended and its output is closed, or at its limit: then it is ended. */
async function findRefusal(
  child: Child,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), timeoutMs);
  const unfollow = followSignal(signal, over);
  try {
    const [code, killedBy] = await once(child, 'close', { signal: over.signal });
    if (killedBy !== null) return `was ended by ${killedBy}`;
    return code === 0 ? undefined : `refused it (exit code ${code})`;
  } catch {
    signal.throwIfAborted();
    return over.signal.aborted ? `did not end within ${timeoutMs / 1_000} seconds` : 'could not be started';
  } finally {
    clearTimeout(timer);
    unfollow();
    endGroup(child);
  }
}

/** Also where the program itself has ended and something that it started still holds its output. */
function endGroup({ pid, stdout, stderr }: Child): void {
  if (pid === undefined || (stdout.closed && stderr.closed)) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has left its group, or ended just now.
  }
  stdout.destroy();
  stderr.destroy();
}

/** The rest is read and dropped, so that the program does not wait for us. */
function beginningOf(stream: Readable): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (piece: string) => {
    text += piece.slice(0, mostWords - text.length);
  });
  return () => text;
}
