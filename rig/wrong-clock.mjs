// Makes `Date` wrong in the program that it is loaded into (`node --import`).
//
// WRONG_CLOCK_FILE names a file with the offset in milliseconds, which is read repeatedly. Clocks that cannot be set
// (`performance.now`, timers) stay right, as on a real machine whose time is wrong.
import { readFileSync } from 'node:fs';

const Real = globalThis.Date;
const path = process.env.WRONG_CLOCK_FILE ?? '';
let offsetMs = readOffset();
setInterval(() => {
  try {
    offsetMs = readOffset();
  } catch {
    // The file was removed: the clock keeps its last offset.
  }
}, 20).unref();

function readOffset() {
  const text = readFileSync(path, 'utf8');
  if (!/^-?\d+$/.test(text)) throw new Error(`Expected "${path}" to hold milliseconds, got "${text}".`);
  return Number(text);
}

const now = () => Real.now() + offsetMs;

const Wrong = new Proxy(Real, {
  construct: (real, values, made) => Reflect.construct(real, values.length === 0 ? [now()] : values, made),
  apply: () => new Real(now()).toString(),
  get: (real, name) => (name === 'now' ? now : Reflect.get(real, name)),
});
Real.prototype.constructor = Wrong;
globalThis.Date = Wrong;
