// Keeps the memory of this process, which holds secrets, out of core files.
import { writeFileSync } from 'node:fs';

/** A bit for each kind of memory that the kernel writes into a core file (core(5)), also where it sends that to a program. */
const filter = '/proc/self/coredump_filter';

/** Call it before the first secret is read. False where the system does not have this, or does not let us. */
export function keepMemoryOutOfCores(): boolean {
  try {
    writeFileSync(filter, '0');
    return true;
  } catch {
    return false;
  }
}
