// Wraps an engine's reply in the JSON envelope that Vault sends.

import { randomUUID } from 'node:crypto';
import { jsonText } from '../../../src/vault/client/exact-json.js';
import type { Fields, Reply } from './reply.js';

/** What is sent back: a status and a JSON body, or no body at all. */
export interface Answer {
  readonly status: number;
  readonly body: Fields | undefined;
}

/** The envelope of nearly every answer. An engine without a reply gives 204. */
export function frame(reply: Reply | undefined): Answer {
  if (reply === undefined) return { status: 204, body: undefined };
  return { status: reply.status ?? 200, body: reply.whole ?? envelope(reply, randomUUID()) };
}

/** The answer to a request whose answer was wrapped. It has no id of its own. */
export function wrappedFrame(wrapInfo: Fields): Answer {
  return { status: 200, body: { ...envelope({ data: null }, ''), wrap_info: wrapInfo } };
}

function envelope({ data = null, isFlat, auth, warnings, leaseSeconds }: Reply, id: string): Fields {
  return {
    ...(isFlat === true ? data : {}),
    request_id: id,
    lease_id: '',
    renewable: false,
    lease_duration: leaseSeconds ?? 0,
    data,
    wrap_info: null,
    warnings: warnings === undefined || warnings.length === 0 ? null : warnings,
    auth: auth ?? null,
  };
}

/** The body of an answer as it is sent: nothing, or one line of JSON. */
export function bodyText({ body }: Answer): string {
  return body === undefined ? '' : `${jsonText(body)}\n`;
}
