import { Stop } from '../../executor/stop.js';
import { LocalLease } from './local-lease.js';

/** A claim by the node that works on it. `fence` is a bigint as text. */
export interface NodeClaim {
  readonly id: string;
  readonly fence: string;
  readonly node: string;
}

/** A job that this node works on: its claim, what may stop it, and how far it has come. */
export class ActiveJob implements Disposable {
  readonly claim: NodeClaim;
  readonly leaseMs: number;
  readonly stop = new Stop();
  readonly localLease: LocalLease;
  /** Resolves once its container runs. */
  readonly started: Promise<void>;
  #tellStarted: () => void = () => undefined;
  #hasSpent = false;

  /** `claimedAt` is the `performance.now()` before the claim was sent. */
  constructor(claim: NodeClaim, leaseMs: number, claimedAt: number) {
    this.claim = claim;
    this.leaseMs = leaseMs;
    this.localLease = new LocalLease(leaseMs, claimedAt);
    this.started = new Promise((resolve) => {
      this.#tellStarted = resolve;
    });
  }

  /** From here on the job cannot go back to the queue. */
  spends(): void {
    this.#hasSpent = true;
  }

  starts(): void {
    this.#tellStarted();
  }

  /** Gives it back if it can be given back; else it has to run, so that it can be adopted. */
  detach(): void {
    if (!this.#hasSpent) this.stop.request('shutdown');
  }

  [Symbol.dispose](): void {
    this.stop[Symbol.dispose]();
  }
}
