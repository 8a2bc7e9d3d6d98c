// The address that a request came from, as far as it says who is calling.
import { isIPv6 } from 'node:net';
import { getConnInfo } from '@hono/node-server/conninfo';
import type { ApiContext } from '../request/env.js';

/** Of the connection: headers such as `X-Forwarded-For` are what the caller says. Undefined for a request not from the network. */
export function addressOf(c: ApiContext): string | undefined {
  try {
    return getConnInfo(c).remote.address;
  } catch {
    return undefined;
  }
}

/** What counts as one source: an IPv4 address, or the first 64 bits of an IPv6 address, of which one machine has many. */
export function sourceOf(c: ApiContext): string {
  return sourceOfAddress(addressOf(c));
}

export function sourceOfAddress(address = ''): string {
  const inIPv6 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (inIPv6 !== undefined || !isIPv6(address)) return inIPv6 ?? address;
  const [head = '', tail] = address.replace(/%.*$/, '').split('::');
  const front = head.split(':').filter((group) => group !== '');
  const back = tail === undefined ? [] : tail.split(':').filter((group) => group !== '');
  const zeros = Array.from({ length: Math.max(0, 8 - front.length - back.length) }, () => '0');
  const groups = tail === undefined ? front : [...front, ...zeros, ...back];
  return `${groups.slice(0, 4).join(':')}::/64`.toLowerCase();
}
