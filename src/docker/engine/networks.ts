// The names and options of networks as the engine knows them.

/** The word for it in settings and requests. */
export const isolated = 'isolated';
/** What the engine knows it by. All installations of one engine share it: it keeps nothing, and is never removed. */
export const isolatedName = 'stint-isolated';

/** Its bridge has a name that rules of the host's firewall can be written for: docs/engines.md. */
const bridgeName = 'stint0';
export const apart = 'com.docker.network.bridge.enable_icc';

/** What the engine makes it of. */
export const isolatedNetwork = {
  Name: isolatedName,
  Driver: 'bridge',
  CheckDuplicate: true,
  Options: { [apart]: 'false', 'com.docker.network.bridge.name': bridgeName },
} as const;

/** What the engine calls a network of settings and requests. */
export function engineNetwork(name: string): string {
  return name === isolated ? isolatedName : name;
}

/** Whether containers on a network do not reach each other there, as far as the engine says. */
export function keepsApart(driver: string, options: Readonly<Record<string, string>>): boolean {
  return driver === 'null' || (driver === 'bridge' && options[apart] === 'false');
}
