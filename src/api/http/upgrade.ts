// Decides which requests become WebSockets; any other that asks for an upgrade is answered as if it did not.

import { IncomingMessage } from 'node:http';

/** By the path as it was sent, without its query. */
export type IsWebSocketPath = (path: string) => boolean;

/**
 * The class of the requests of a server that takes upgrades. Once such a server listens to `upgrade`, Node sends it every
 * request that asks for one, without an answer and without its body: Java's client asks for h2c with each plain request, so
 * does `curl --http2`. Node reads `upgrade` when the head is complete, so here it can still be told that there is none.
 */
export function upgradableRequests(isWebSocketPath: IsWebSocketPath): typeof IncomingMessage {
  return class UpgradableRequest extends IncomingMessage {
    /** Node's constructor sets `upgrade`: a field with a value, or a private one, would come too late for that. */
    declare isUpgradeAsked: boolean | null;

    get upgrade(): boolean {
      return this.isUpgradeAsked === true && (this.method === 'CONNECT' || wantsOurs(this, isWebSocketPath));
    }

    set upgrade(isAsked: boolean | null) {
      this.isUpgradeAsked = isAsked;
    }
  };
}

function wantsOurs(
  { method, headers, url = '' }: IncomingMessage,
  isWebSocketPath: IsWebSocketPath,
): boolean {
  if (method !== 'GET' || headers.upgrade?.toLowerCase() !== 'websocket' || hasBody(headers)) return false;
  return isWebSocketPath(url.split('?', 1)[0] ?? '');
}

/** The bytes of a body would be taken for those of the WebSocket. */
function hasBody(headers: IncomingMessage['headers']): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}
