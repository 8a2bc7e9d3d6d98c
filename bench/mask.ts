// Measures how fast output is masked, and what preparing for a large secret costs, in this process alone.
import { randomBytes } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createMask, type Mask } from '../src/executor/masking/mask.js';
import { Secret } from '../src/job/secret.js';
import { report } from './bench.js';

const mib = 1024 * 1024;
const totalBytes = 256 * mib;
/** As the engine sends it. */
const pieceBytes = 32 * 1024;

const secrets = new Map(
  Array.from({ length: 20 }, (_, index) => [
    `SECRET_${index}`,
    new Secret(randomBytes(24).toString('base64')),
  ]),
);
const some = secrets.get('SECRET_0')?.reveal() ?? '';

/** Text of this kind, a few pieces long: longer than what a processor keeps at hand would be slower in any program. */
const outputs: Readonly<Record<string, string>> = {
  'lines of a log': '2026-01-02T03:04:05Z INFO worker 17 has finished its part of the work in 12 ms\n',
  'lines that end with a secret': `2026-01-02T03:04:05Z INFO the token of the worker is ${some}\n`,
  'beginnings of a secret': `${some.slice(0, -1)} `,
  'random base64': randomBytes(48 * 1024).toString('base64'),
};

/** The target is 50 MB a second and core. */
export async function measureMask(): Promise<void> {
  const mask = await createMask(secrets);
  for (const [what, line] of Object.entries(outputs)) {
    const pieces = Buffer.from(line.repeat(Math.ceil((8 * pieceBytes) / line.length)));
    maskAll(mask, pieces, 32 * mib); // Compiled before it is measured.
    const before = process.cpuUsage();
    maskAll(mask, pieces, totalBytes);
    const { user, system } = process.cpuUsage(before);
    report(`masking of ${what}`, `${Math.round(totalBytes / (user + system))} MB/s of processor time`);
  }
  for (const [what, value] of Object.entries(largeSecrets)) await measurePreparing(what, value);
}

/** As large as a job's may be by default. */
const largeSecrets: Readonly<Record<string, string>> = {
  'one word': randomBytes((3 * mib) / 4).toString('base64'),
  'lines of 64': randomBytes((3 * mib) / 4)
    .toString('base64')
    .replaceAll(/.{64}/g, '$&\n'),
  'lines of 8': randomBytes((2 * mib) / 3)
    .toString('base64')
    .replaceAll(/.{8}/g, '$&\n'),
  'a list of texts': JSON.stringify(
    randomBytes((3 * mib) / 4)
      .toString('hex')
      .match(/.{30}/g),
  ),
  brackets: '['.repeat(mib / 2) + ']'.repeat(mib / 2),
};

async function measurePreparing(what: string, value: string): Promise<void> {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  const began = performance.now();
  await createMask(new Map([['V', new Secret(value)]]));
  const took = performance.now() - began;
  delays.disable();
  report(
    `preparing for a secret of 1 MiB: ${what}`,
    `${took.toFixed(0)} ms, nobody else for ${(delays.max / 1e6).toFixed(0)} ms`,
  );
}

function maskAll(mask: Mask, pieces: Buffer, bytes: number): void {
  const stream = mask.stream();
  for (let done = 0, at = 0; done < bytes; done += pieceBytes, at = (at + pieceBytes) % (7 * pieceBytes))
    stream.push(pieces.subarray(at, at + pieceBytes));
  stream.end();
}
