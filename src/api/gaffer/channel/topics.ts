// Reads the topics of subscriptions.

/** What a client wants to be told of. */
export type Topic =
  | { readonly of: 'events' }
  | { readonly of: 'job'; readonly name: string }
  | { readonly of: 'process'; readonly pid: string }
  | { readonly of: 'process_stats'; readonly pid: string }
  | { readonly of: 'job_stats'; readonly name: string }
  /** `label` undefined: the first output of the process. */
  | { readonly of: 'stream'; readonly pid: string; readonly label: string | undefined };

const pid = /^[1-9]\d{0,9}$/;
const longest = 600;

/** `EVENTS`, `JOB:S.L`, `PROCESS:P`, `STATS:P`, `STATS:S.L`, `STREAM:P`, `STREAM:P.label`; undefined for anything else. */
export function parseTopic(text: unknown): Topic | undefined {
  if (typeof text !== 'string' || text.length > longest) return undefined;
  const colon = text.indexOf(':');
  const source = (colon < 0 ? text : text.slice(0, colon)).toUpperCase();
  const target = colon < 0 ? '' : text.slice(colon + 1);
  if (source === 'EVENTS') return { of: 'events' };
  if (source === 'JOB' && target !== '') return { of: 'job', name: target };
  if (source === 'PROCESS' && pid.test(target)) return { of: 'process', pid: target };
  if (source === 'STATS' && target !== '')
    return pid.test(target) ? { of: 'process_stats', pid: target } : { of: 'job_stats', name: target };
  return source === 'STREAM' ? parseStream(target) : undefined;
}

function parseStream(target: string): Topic | undefined {
  const dot = target.indexOf('.');
  const process = dot < 0 ? target : target.slice(0, dot);
  if (!pid.test(process)) return undefined;
  return { of: 'stream', pid: process, label: dot < 0 ? undefined : target.slice(dot + 1) };
}
