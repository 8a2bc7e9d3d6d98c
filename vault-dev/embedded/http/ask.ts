// Turns an HTTP request into the path, token and body that the core works with.

import type { IncomingHttpHeaders } from 'node:http';
import { parseJson } from '../../../src/vault/client/exact-json.js';
import { isFields } from './body.js';
import { type Fields, Refusal } from './reply.js';

/** One HTTP request, however it was read. */
export interface Sent {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
}

/** One parsed request, not yet checked. */
export interface Ask {
  readonly method: string;
  /** Below `/v1/`, decoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Fields;
  readonly token: string;
  /** The header `X-Vault-Wrap-TTL`; empty if it is not sent. */
  readonly wrapTtl: string;
}

/** Everything but the body, which may be invalid. */
export function readAsk({ method, url, headers }: Sent): Omit<Ask, 'body'> {
  const { pathname, searchParams: query } = new URL(url, 'http://vault');
  const bearer = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1];
  return {
    method,
    path: decode(pathname).replace(/^\/v1\//, ''),
    query,
    token: String(headers['x-vault-token'] ?? bearer ?? ''),
    wrapTtl: String(headers['x-vault-wrap-ttl'] ?? ''),
  };
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path; // Such a path matches nothing.
  }
}

/** Numbers stay as they were written, as Vault keeps them. */
export function parseBody(bytes: Buffer): Fields {
  if (bytes.length === 0) return {};
  try {
    const body: unknown = parseJson(bytes.toString());
    if (isFields(body)) return body;
  } catch {}
  throw new Refusal(400, 'error parsing JSON');
}
