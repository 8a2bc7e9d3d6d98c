// A lock across processes, with one holder at a time.
//
// The lock is a directory that names its holder. It is renamed into place, which succeeds for exactly one of several
// processes. A lock whose holder died is taken over.
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 100;

/** Runs the task while holding the lock of this directory. */
export async function withLock(directory, task) {
  const path = join(directory, 'lock');
  await acquire(directory, path);
  try {
    return await task();
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

async function acquire(directory, path) {
  mkdirSync(directory, { recursive: true });
  let told = false;
  while (!tryAcquire(directory, path)) {
    removeIfDead(directory, path);
    const owner = ownerOf(path)?.split(' ')[0];
    if (!told && owner !== undefined) {
      process.stderr.write(`stint: waiting for process ${owner}, which is setting things up\n`);
      told = true;
    }
    await delay(POLL_MS);
  }
}

function tryAcquire(directory, path) {
  const candidate = mkdtempSync(join(directory, 'lock-'));
  writeFileSync(join(candidate, 'owner'), describeProcess(process.pid));
  try {
    // Fails where the target exists and is not empty; with its owner inside, a lock is never empty.
    renameSync(candidate, path);
    return true;
  } catch {
    rmSync(candidate, { recursive: true });
    return false;
  }
}

/** Moves a dead holder's lock away. Where a third process has taken the lock meanwhile, it is put back. */
function removeIfDead(directory, path) {
  const owner = ownerOf(path);
  if (owner === undefined || isAlive(owner)) return;
  const removed = mkdtempSync(join(directory, 'dead-'));
  try {
    renameSync(path, join(removed, 'lock'));
    if (isAlive(ownerOf(join(removed, 'lock')) ?? '')) renameSync(join(removed, 'lock'), path);
  } catch {
    // Another process was faster; the next round shows what it did.
  }
  rmSync(removed, { recursive: true, force: true });
}

/** Undefined where nobody holds the lock. */
function ownerOf(path) {
  try {
    return readFileSync(join(path, 'owner'), 'utf8');
  } catch {
    return undefined;
  }
}

/** The pid and, where the system knows it, the start time, since a pid may be reused. Undefined for a dead process. */
function describeProcess(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code !== 'EPERM') return undefined;
  }
  const stat = readStat(pid);
  return stat?.[0] === 'Z' ? undefined : `${pid} ${stat?.[19] ?? ''}`;
}

/** The fields after the program's name, which is in parentheses; the first one is the state. */
function readStat(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

function isAlive(owner) {
  return describeProcess(Number(owner.split(' ')[0])) === owner;
}
