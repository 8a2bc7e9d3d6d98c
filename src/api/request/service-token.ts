// The token of callers that cannot send one: only at listed doors, from listed networks.

import { BlockList, isIPv6 } from 'node:net';
import type { Door } from '../../job/job.js';
import type { Secret } from '../../job/secret.js';
import { addressOf } from '../http/address.js';
import type { ApiContext } from './env.js';

/** What the operator set. */
export interface ServiceTokenSettings {
  readonly token: Secret;
  readonly doors: readonly Door[];
  readonly networks: readonly Network[];
}

/** An address with the number of its bits that count. */
export interface Network {
  readonly address: string;
  readonly prefix: number;
}

/**
 * The token for a request without one; undefined where it must have one. Only the address of the connection counts: headers
 * such as `X-Forwarded-For` are what the caller says.
 */
export function serviceTokenOf(
  c: ApiContext,
  door: Door,
  settings: ServiceTokenSettings | undefined,
): string | undefined {
  if (settings === undefined || !settings.doors.includes(door)) return undefined;
  const address = addressOf(c);
  return address !== undefined && isWithin(address, settings.networks) ? settings.token.reveal() : undefined;
}

/** An IPv4 address that came in over IPv6 (`::ffff:10.0.0.7`) counts as the IPv4 address that it is. */
function isWithin(address: string, networks: readonly Network[]): boolean {
  const list = new BlockList();
  for (const { address: net, prefix } of networks) list.addSubnet(net, prefix, familyOf(net));
  return list.check(address, familyOf(address));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}
