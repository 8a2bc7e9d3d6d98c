// Starts the periodic maintenance: containers left behind, expired keys, parts of requests, history, lists, images.
import { sealEvents } from '../queue/audit/seal-events.js';
import { signHead } from '../queue/audit/sign-head.js';
import { cleanImages } from '../queue/maintenance/image-cache.js';
import { runPeriodically } from '../queue/maintenance/periodic.js';
import { keepRetention } from '../queue/maintenance/retention.js';
import { type Parts, reaperOf } from './parts.js';

const minuteMs = 60_000;
/** Limits of one statement, so that it holds no lock for long. */
const unlistedAtOnce = 1_000;
const keysAtOnce = 1_000;
const inputAtOnce = 100;
/** Some 77 MB. */
const partsAtOnce = 100;
/** Far longer than a submit takes. */
const stalePartMs = 10 * minuteMs;

/** What happened in the last seconds is not sealed yet. */
const sealMs = 5_000;

/** Starts the periodic clean-ups of a node. None of them is urgent, and an error ends only its round. */
export function startMaintenance(parts: Parts): AsyncDisposable[] {
  const { log } = parts;
  const { reapGraceMs, imageCacheBytes } = parts.config;
  const rounds = [
    // The first round comes a while after the start: somebody who started with the wrong database has time to notice.
    { what: 'containers', intervalMs: Math.min(reapGraceMs, minuteMs), round: () => reaperOf(parts).run() },
    { what: 'idempotency keys', intervalMs: 10 * minuteMs, round: () => forgetKeys(parts) },
    { what: 'parts of requests', intervalMs: 10 * minuteMs, round: () => forgetParts(parts) },
    { what: 'totals of what waits', intervalMs: minuteMs, round: () => parts.store.foldWaiting() },
    { what: 'input of ended jobs', intervalMs: minuteMs, round: () => forgetInput(parts) },
    { what: 'the chain of events', intervalMs: sealMs, round: () => sealEvents(parts) },
    { what: 'lists of doors', intervalMs: minuteMs, round: () => unlistExpired(parts) },
    ...signRounds(parts),
    ...(imageCacheBytes === undefined ? [] : [imageRound(parts, imageCacheBytes)]),
  ];
  return [
    retentionOf(parts),
    ...rounds.map(({ what, intervalMs, round }) =>
      runPeriodically({
        firstMs: Math.min(intervalMs, minuteMs),
        intervalMs,
        round,
        onError: (error) => log.error('maintenance failed; trying again', { what, error }),
      }),
    ),
  ];
}

function retentionOf({ config, store, node, removed, log }: Parts): AsyncDisposable {
  return keepRetention({
    store,
    retention: config.retention,
    actor: `node:${node.nodeId}`,
    onRemoved: (jobs) => removed.add(jobs),
    onError: (error) => log.error('maintenance failed; trying again', { what: 'ended jobs', error }),
  });
}

/** None without a key, or without a login of the server's own. */
function signRounds({
  config: { audit, vault: where },
  secrets: { server },
  vault,
  store,
  node,
  alarms,
}: Parts) {
  const { key, intervalMs } = audit;
  if (key === undefined || server === undefined) return [];
  const sign = (text: string) => server.sign({ mount: where.transit.mount, key }, text);
  const round = () => signHead({ store, node: node.nodeId, sign, now: () => new Date(vault.now()), alarms });
  return [{ what: 'the signature of the history', intervalMs, round }];
}

function imageRound(parts: Parts, limitBytes: number) {
  const { store, backend, engine, node, log } = parts;
  const images = {
    id: () => engine.ask(),
    listImages: () => backend.listImages(),
    imagesInUse: () => backend.imagesInUse(),
    removeImage: (image: { id: string; names: readonly string[] }) => backend.removeImage(image),
  };
  const round = () => cleanImages({ store, engine: images, limitBytes, node: node.nodeId, log });
  return { what: 'images', intervalMs: minuteMs, round };
}

async function forgetKeys({ store }: Parts): Promise<void> {
  while ((await store.deleteExpiredKeys(keysAtOnce)) === keysAtOnce);
}

async function forgetParts({ store }: Parts): Promise<void> {
  while ((await store.deleteStaleParts(stalePartMs, partsAtOnce)) === partsAtOnce);
}

async function forgetInput({ store }: Parts): Promise<void> {
  while ((await store.deleteStaleInput(inputAtOnce)) === inputAtOnce);
}

async function unlistExpired({ store, node }: Parts): Promise<void> {
  const actor = `node:${node.nodeId}`;
  while ((await store.unlistAllExpired(unlistedAtOnce, actor)) === unlistedAtOnce);
}
