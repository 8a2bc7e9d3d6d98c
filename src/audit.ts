// `npm run audit -- verify|export`: follows the chain over the history, and prints its head to be kept elsewhere.
import { readFileSync } from 'node:fs';
import { collectSettings } from './config/collect.js';
import { schema } from './config/schema.js';
import { type HeadDocument, isSignedBy, parseHead, toHeadJson } from './job/audit/head.js';
import { toHead, toKnown } from './queue/audit/sign-head.js';
import { type Verified, verifyChain } from './queue/audit/verify.js';
import { openStoreAsItIs, type Store } from './store/store.js';

const usage = `npm run --silent audit -- verify [--head FILE]... [--public-key KEY]
npm run --silent audit -- export

verify  follows the chain over the history in the database of STINT_DATABASE_URL and names the first record that was
        changed; exits with 1 then. With --head, also against heads that were exported before: their signatures, and
        that the chain goes through them. With --public-key (base64, as Vault shows it) the signatures are to be by it,
        else by the key in the file.
export  prints the last signed head as JSON; where none is signed, the present head without a signature.
`;

const progressMs = 5_000;

async function main([command, ...rest]: readonly string[]): Promise<number> {
  if (command === '--help') {
    process.stdout.write(usage);
    return 0;
  }
  const options = readOptions(rest);
  if (command === 'verify' && options !== undefined)
    return await inStore((store) => verifyIn(store, options));
  if (command === 'export' && rest.length === 0) return await inStore(exportFrom);
  process.stderr.write(usage);
  return 2;
}

interface Options {
  readonly heads: readonly HeadDocument[];
  readonly publicKey: string | undefined;
}

function readOptions(args: readonly string[]): Options | undefined {
  const heads = [];
  let publicKey: string | undefined;
  for (let at = 0; at < args.length; at += 2) {
    const value = args[at + 1];
    if (value === undefined) return undefined;
    if (args[at] === '--head') heads.push(parseHead(readFileSync(value, 'utf8')));
    else if (args[at] === '--public-key') publicKey = value;
    else return undefined;
  }
  return { heads, publicKey };
}

async function inStore(work: (store: Store) => Promise<number>): Promise<number> {
  const { raw } = collectSettings(process.env, (path) => readFileSync(path, 'utf8'));
  const { data } = schema.pick({ STINT_DATABASE_URL: true }).safeParse(raw);
  if (data === undefined) throw new Error('Set STINT_DATABASE_URL to the database whose history is meant.');
  await using store = openStoreAsItIs(data.STINT_DATABASE_URL.reveal());
  return await work(store);
}

async function exportFrom(store: Store): Promise<number> {
  const end = await store.readChainEnd();
  if (end === undefined) throw new Error('The chain has no link: somebody deleted them.');
  const head = (await store.readLastHead()) ?? (await toHead(store, end, end.sealedAt));
  process.stdout.write(`${JSON.stringify(toHeadJson(head), null, 2)}\n`);
  return 0;
}

async function verifyIn(store: Store, options: Options): Promise<number> {
  for (const head of options.heads) checkSignature(head, options.publicKey);
  const last = (await store.readChainEnd())?.number ?? '0';
  let toldAt = performance.now();
  const onLink = (number: string) => {
    if (performance.now() - toldAt < progressMs) return;
    toldAt = performance.now();
    process.stderr.write(`link ${number} of ${last}\n`);
  };
  const verified = await verifyChain(store, { heads: options.heads.map(toKnown), onLink });
  process.stdout.write(`${tell(verified)}\n`);
  return verified.problem === undefined ? 0 : 1;
}

function checkSignature(head: HeadDocument, publicKey: string | undefined): void {
  if (head.signature === undefined && publicKey === undefined) {
    process.stderr.write(
      `The head of link ${head.number} is not signed: it is as good as where it was kept.\n`,
    );
    return;
  }
  if (!isSignedBy(publicKey ?? head.publicKey ?? '', head))
    throw new Error(
      `The signature of the head of link ${head.number} is not by this key, or the head was changed.`,
    );
}

function tell({ problem, end, events, forgottenLinks, unsealed }: Verified): string {
  if (problem !== undefined) return `The history was changed, first in link ${problem.link}. ${problem.text}`;
  const forgotten = forgottenLinks === 0 ? '' : `; the events of ${forgottenLinks} links were forgotten`;
  return `The history holds: ${events} events in ${end?.number ?? '0'} links${forgotten}; ${unsealed} events are not sealed yet.`;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : 'It failed.'}\n`);
  process.exitCode = 1;
}
