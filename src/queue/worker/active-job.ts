// One job that this node works on: its claim, its stop switch and its local lease.
import { Stop } from '../../executor/stop.js';
import { InputBell } from './input-bell.js';
import { LocalLease } from './local-lease.js';

/** A claim by the node that works on it. `fence` is a bigint as text. */
export interface NodeClaim {
  readonly id: string;
  readonly fence: string;
  readonly node: string;
}

/** A job that this node works on: its claim, what may stop it, and whether it can still return to the queue. */
export class ActiveJob implements Disposable {
  readonly claim: NodeClaim;
  readonly leaseMs: number;
  readonly stop = new Stop();
  readonly localLease: LocalLease;
  readonly input = new InputBell();
  /** Resolves once its container runs. */
  readonly started: Promise<void>;
  #resolveStarted: () => void = () => undefined;
  #hasBegun = false;

  /** `claimedAt` is the `performance.now()` before the claim was sent. */
  constructor(claim: NodeClaim, leaseMs: number, claimedAt: number) {
    this.claim = claim;
    this.leaseMs = leaseMs;
    this.localLease = new LocalLease(leaseMs, claimedAt);
    this.started = new Promise((resolve) => {
      this.#resolveStarted = resolve;
    });
  }

  /**
   * Notes that the credentials are about to be spent, or that the container is about to start: a job may have no credentials.
   * From here on the job cannot return to the queue.
   */
  begins(): void {
    this.#hasBegun = true;
  }

  /** Notes that the container runs. */
  starts(): void {
    this.#resolveStarted();
  }

  /** Returns the job to the queue if it has not begun; otherwise it must run, so that it can be adopted. */
  detach(): void {
    if (!this.#hasBegun) this.stop.request('shutdown');
  }

  [Symbol.dispose](): void {
    this.stop[Symbol.dispose]();
  }
}
