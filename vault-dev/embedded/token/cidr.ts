// Checks whether a list of CIDRs allows the loopback address.

import { BlockList, isIP } from 'node:net';

/** All callers have this address, because the server listens only here. */
export const loopback = '127.0.0.1';

/** An empty list allows everybody. An entry that is not an IPv4 address matches nobody. */
export function allowsLoopback(cidrs: readonly string[]): boolean {
  if (cidrs.length === 0) return true;
  const allowed = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', bits] = cidr.split('/');
    if (isIP(address) === 4) allowed.addSubnet(address, Number(bits ?? 32));
  }
  return allowed.check(loopback);
}
