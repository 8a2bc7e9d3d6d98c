// Tells a run that something was sent to its job: to which of its inputs is not said.
import { once, setMaxListeners } from 'node:events';

/** Rings for all who listen. */
export class InputBell {
  readonly #target = new EventTarget();

  constructor() {
    setMaxListeners(0, this.#target); // One for each pipe of the job.
  }

  ring(): void {
    this.#target.dispatchEvent(new Event('ring'));
  }

  listen(): BellListener {
    return new BellListener(this.#target);
  }
}

/** A ring that comes while it does not wait is remembered. */
export class BellListener {
  readonly #target: EventTarget;
  #rang = true; // Something may have been sent before.

  constructor(target: EventTarget) {
    this.#target = target;
    target.addEventListener('ring', () => this.ring());
  }

  /** For it alone: there may be more to take. */
  ring(): void {
    this.#rang = true;
  }

  /** Resolves at the next ring, or when the signal fires. */
  async wait(signal: AbortSignal): Promise<void> {
    if (!this.#rang) await once(this.#target, 'ring', { signal }).catch(() => undefined);
    this.#rang = false;
  }
}
