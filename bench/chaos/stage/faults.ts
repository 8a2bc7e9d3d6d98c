// The faults of a chaos run, and the loop that injects them at random.
import { setTimeout as delay } from 'node:timers/promises';
import type { Injected } from '../history/history.js';
import type { Random } from '../load/random.js';
import type { ChaosNode } from './node.js';
import type { Stage } from './stage.js';
import { vaultAsk } from './vault.js';

/** A failure that is injected and undone after a while. */
interface Fault {
  readonly kind: string;
  readonly weight: number;
  /** Injects it into one of the parts, and undoes it. */
  readonly inject: (victim: Victim) => Promise<void>;
  /** What it hits: something of one node, or a part that both nodes share. */
  readonly on: 'node' | 'engine' | 'connections' | 'postgres' | 'vault';
}

interface Victim {
  readonly stage: Stage;
  readonly node: ChaosNode;
  readonly random: Random;
  readonly leaseMs: number;
}

const faults: readonly [Fault, ...Fault[]] = [
  {
    kind: 'kill -9 of a node, back soon',
    weight: 5,
    on: 'node',
    inject: (victim) => killNode(victim, 0.1, 0.5),
  },
  {
    kind: 'kill -9 of a node, back late',
    weight: 2,
    on: 'node',
    inject: (victim) => killNode(victim, 2, 4),
  },
  { kind: 'pause of a node beyond its lease', weight: 2, on: 'node', inject: pauseNode },
  {
    kind: 'engine killed and restarted',
    weight: 1,
    on: 'engine',
    inject: (victim) => restartEngine(victim, 'kill'),
  },
  {
    kind: 'engine stopped and restarted',
    weight: 1,
    on: 'engine',
    inject: (victim) => restartEngine(victim, 'stop'),
  },
  { kind: 'engine hangs', weight: 1, on: 'engine', inject: hangEngine },
  {
    kind: 'Postgres restarted, fast',
    weight: 1,
    on: 'postgres',
    inject: (v) => v.stage.postgres.restart('fast'),
  },
  {
    kind: 'Postgres restarted, as a crash',
    weight: 1,
    on: 'postgres',
    inject: (v) => v.stage.postgres.restart('immediate'),
  },
  { kind: 'Vault sealed and unsealed', weight: 2, on: 'vault', inject: sealVault },
  { kind: 'connections cut', weight: 2, on: 'connections', inject: cutConnections },
  { kind: 'connections refused', weight: 1, on: 'connections', inject: refuseConnections },
  { kind: 'connections slow', weight: 2, on: 'connections', inject: slowConnections },
];

async function killNode({ node, random, leaseMs }: Victim, least: number, most: number): Promise<void> {
  await node.kill();
  await delay(leaseMs * (least + (most - least) * random.next()));
  await node.start();
}

async function pauseNode({ node, random, leaseMs }: Victim): Promise<void> {
  node.suspend();
  await delay(leaseMs * (1.2 + random.next()));
  node.resume();
}

async function restartEngine({ node, random }: Victim, how: 'kill' | 'stop'): Promise<void> {
  await node.engine[how]();
  await delay(random.between(100, 2_000));
  await node.engine.start();
}

async function hangEngine({ node, random }: Victim): Promise<void> {
  node.engine.suspend();
  await delay(random.between(500, 5_000));
  node.engine.resume();
}

async function sealVault({ stage, random }: Victim): Promise<void> {
  await vaultAsk(stage.vault, 'PUT', 'sys/seal');
  await delay(random.between(500, 4_000));
  await vaultAsk(stage.vault, 'PUT', 'sys/unseal', { key: stage.vault.unsealKey });
}

/** The proxy to one part, or to all parts: then the node is cut off. */
function proxiesOf({ node, random }: Victim) {
  const { engine, postgres, vault } = node.proxies;
  return random.pick([[engine], [postgres], [vault], [engine, postgres, vault]]);
}

async function cutConnections(victim: Victim): Promise<void> {
  for (const proxy of proxiesOf(victim)) proxy.cut();
}

async function refuseConnections(victim: Victim): Promise<void> {
  const proxies = proxiesOf(victim);
  for (const proxy of proxies) proxy.refuse();
  await delay(victim.random.between(300, 2 * victim.leaseMs));
  for (const proxy of proxies) proxy.heal();
}

async function slowConnections(victim: Victim): Promise<void> {
  const proxies = proxiesOf(victim);
  for (const proxy of proxies) proxy.slow(victim.random.between(20, 300));
  await delay(victim.random.between(500, 4_000));
  for (const proxy of proxies) proxy.heal();
}

export interface FaultOptions {
  readonly random: Random;
  readonly leaseMs: number;
  /** Between the beginnings of two faults. Faults overlap where they hit different targets. */
  readonly pauseMs: { readonly least: number; readonly most: number };
  readonly log: (line: string) => void;
}

/** Injects random faults until the signal, then waits until all are undone. Returns what it injected. */
export async function injectFaults(
  stage: Stage,
  options: FaultOptions,
  over: AbortSignal,
): Promise<Injected[]> {
  const injected: Injected[] = [];
  const underWay = new Map<string, Promise<void>>();
  const { random, pauseMs } = options;
  while (!over.aborted) {
    const fault = random.weighted(faults);
    const node = random.pick(stage.nodes as [ChaosNode, ChaosNode]);
    const target = fault.on === 'postgres' || fault.on === 'vault' ? fault.on : `${fault.on} ${node.name}`;
    if (!underWay.has(target)) {
      const work = injectOne(
        fault,
        { target, victim: { stage, node, random, leaseMs: options.leaseMs } },
        options,
      )
        .then((one) => void injected.push(one))
        .finally(() => underWay.delete(target));
      underWay.set(target, work);
    }
    await delay(random.between(pauseMs.least, pauseMs.most), undefined, { signal: over }).catch(
      () => undefined,
    );
  }
  await Promise.all(underWay.values());
  return injected;
}

async function injectOne(
  { kind, inject }: Fault,
  { target, victim }: { target: string; victim: Victim },
  { log }: FaultOptions,
): Promise<Injected> {
  const from = Date.now();
  log(`${kind}: ${target}`);
  await inject(victim);
  const to = Date.now();
  log(`over after ${to - from} ms: ${kind}: ${target}`);
  return { kind, target, from, to };
}
