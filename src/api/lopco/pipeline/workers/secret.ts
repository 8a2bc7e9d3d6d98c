// Makes the instance of each worker and the secret that its call-back is known by.

import { createHmac, timingSafeEqual } from 'node:crypto';

/** One worker of one job: the worker with this number of the stage with that one. */
export interface WorkerPlace {
  readonly job: string;
  readonly stage: number;
  readonly worker: number;
}

/**
 * Both are made of a key that only the servers have, so neither has to be stored, and a planner that is asked twice answers
 * the same. A job runs each worker once; the next run of its pipeline is another job.
 */
export function instanceOf(key: Uint8Array, { job, stage, worker }: WorkerPlace): string {
  const bytes = hash(key, ['instance', job, String(stage), String(worker)]).subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6); // The form of a random UUID, version 4.
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** What stands behind `t` in the call-back's address: which job is meant, and the proof that this worker was told so. */
export function callbackToken(key: Uint8Array, job: string, instance: string): string {
  return `${job}.${secretOf(key, job, instance).toString('base64url')}`;
}

export interface CallbackToken {
  readonly job: string;
  readonly secret: Buffer;
}

/** Undefined: nobody made it here. */
export function parseCallbackToken(text: string): CallbackToken | undefined {
  const [, job, secret] = /^([0-9a-f]{24})\.([\w-]{43})$/.exec(text) ?? [];
  if (job === undefined || secret === undefined) return undefined;
  return { job, secret: Buffer.from(secret, 'base64url') };
}

/** In constant time: how much of a wrong secret is right must not show. */
export function isSecretOf(key: Uint8Array, { job, secret }: CallbackToken, instance: string): boolean {
  return timingSafeEqual(secretOf(key, job, instance), secret);
}

function secretOf(key: Uint8Array, job: string, instance: string): Buffer {
  return hash(key, ['callback', job, instance]);
}

/** As JSON, so that no two lists give one text. */
function hash(key: Uint8Array, parts: readonly string[]): Buffer {
  return createHmac('sha256', key).update(JSON.stringify(parts)).digest();
}
