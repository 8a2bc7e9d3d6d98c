import { BlockList, isIP } from 'node:net';

/** Whoever calls comes from here: nothing else is listened to. */
export const loopback = '127.0.0.1';

/** No list binds nobody. What is no address binds everybody out. */
export function allowsLoopback(cidrs: readonly string[]): boolean {
  if (cidrs.length === 0) return true;
  const allowed = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', bits] = cidr.split('/');
    if (isIP(address) === 4) allowed.addSubnet(address, Number(bits ?? 32));
  }
  return allowed.check(loopback);
}
