// Warns a client at submit when its wrapping token may expire before the job starts.
import type { SeenWrappingToken } from '../../executor/secrets.js';
import type { QueueForecast } from '../../store/jobs/submit.js';

/** What is known about a job's wait when it is submitted. */
export interface WaitFacts {
  readonly wrap: SeenWrappingToken | undefined;
  readonly forecast: QueueForecast;
  /** A wrapping token that expires sooner gets a warning; 0: none does. */
  readonly wrapMinimumMs: number;
}

/** Why the stored job may never run: its wrapping token expires before its turn comes, or lives for less than the minimum. */
export function warningsOf({ wrap, forecast, wrapMinimumMs }: WaitFacts): string[] {
  if (wrap === undefined) return [];
  const { leftMs } = wrap;
  const waitMs = forecast.ahead * (forecast.typicalRunMs ?? 0);
  const expiry = `The wrapping token of the SecretID expires at ${new Date(wrap.expiresAt).toISOString()}, in ${seconds(leftMs)}`;
  const warnings = [];
  if (waitMs > 0 && leftMs < waitMs)
    warnings.push(
      `${expiry}, and this job may have to wait ${seconds(waitMs)}: ${jobs(forecast.ahead)} before it, of which one ` +
        `takes ${seconds(forecast.typicalRunMs ?? 0)} by the last ones. Give the wrapping token more time (\`X-Vault-Wrap-TTL\`).`,
    );
  if (leftMs < wrapMinimumMs)
    warnings.push(
      `${expiry}: this server asks for at least ${seconds(wrapMinimumMs)} (\`X-Vault-Wrap-TTL\`), so that a job can wait.`,
    );
  return warnings;
}

function seconds(ms: number): string {
  const rounded = Math.max(0, Math.round(ms / 1000));
  return rounded === 1 ? '1 second' : `${rounded} seconds`;
}

function jobs(count: number): string {
  return count === 1 ? '1 job is' : `${count} jobs are`;
}
