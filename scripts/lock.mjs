// One holder at a time, across processes. A directory is renamed into place with its holder's name inside, which the
// file system does for exactly one of several; a lock whose holder died is taken over.
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
    // Fails where the target is there and not empty; with its owner inside, a lock is never empty.
    renameSync(candidate, path);
    return true;
  } catch {
    rmSync(candidate, { recursive: true });
    return false;
  }
}

/** Moves a dead holder's lock away. Who moved a living one, taken meanwhile by a third process, puts it back. */
function removeIfDead(directory, path) {
  const owner = ownerOf(path);
  if (owner === undefined || isAlive(owner)) return;
  const grave = mkdtempSync(join(directory, 'dead-'));
  try {
    renameSync(path, join(grave, 'lock'));
    if (isAlive(ownerOf(join(grave, 'lock')) ?? '')) renameSync(join(grave, 'lock'), path);
  } catch {
    // Another process was faster; the next round tells what it did.
  }
  rmSync(grave, { recursive: true, force: true });
}

/** Undefined where nobody holds the lock. */
function ownerOf(path) {
  try {
    return readFileSync(join(path, 'owner'), 'utf8');
  } catch {
    return undefined;
  }
}

/** The pid and, where the system tells it, the start time: the pid alone may have gone to another program since. */
function describeProcess(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code !== 'EPERM') return undefined;
  }
  const stat = readStat(pid);
  return stat?.[0] === 'Z' ? undefined : `${pid} ${stat?.[19] ?? ''}`;
}

/** What follows the program's name, which stands in parentheses: the state first. */
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
