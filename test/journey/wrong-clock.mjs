// To be loaded before a program (`node --import`): its clock on the wall goes wrong by as many milliseconds as the file of
// WRONG_CLOCK_FILE says at that moment. Clocks that cannot be set (`performance.now`, timers) stay as they are, as on a
// real machine whose time is wrong.
import { readFileSync } from 'node:fs';

const Real = globalThis.Date;
const path = process.env.WRONG_CLOCK_FILE ?? '';
let offsetMs = Number(readFileSync(path, 'utf8'));
setInterval(() => {
  offsetMs = Number(readFileSync(path, 'utf8'));
}, 50).unref();

const now = () => Real.now() + offsetMs;

globalThis.Date = new Proxy(Real, {
  construct: (_, values) => (values.length === 0 ? new Real(now()) : new Real(...values)),
  apply: () => new Real(now()).toString(),
  get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
});
