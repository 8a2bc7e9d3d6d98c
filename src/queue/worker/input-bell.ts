// Tells a run that something was sent to the standard input of its job.
import { once } from 'node:events';

/** A ring that nobody waits for is remembered. */
export class InputBell {
  readonly #target = new EventTarget();
  #rang = true; // Something may have been sent before the run.

  ring(): void {
    this.#rang = true;
    this.#target.dispatchEvent(new Event('ring'));
  }

  /** Resolves at the next ring, or when the signal fires. */
  async wait(signal: AbortSignal): Promise<void> {
    if (!this.#rang) await once(this.#target, 'ring', { signal }).catch(() => undefined);
    this.#rang = false;
  }
}
