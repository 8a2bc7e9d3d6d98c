import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { startTls } from '../../../src/store/postgres/tls.js';

test.each([
  ['prefer', 'SEvil', 'TLS_NOT_OFFERED'],
  ['require', 'N', 'TLS_NOT_OFFERED'],
  ['require', '', 'CONNECTION_CLOSED'],
])(
  'a server that is asked for TLS with sslmode=%s and answers "%s" is refused',
  async (mode, answer, code) => {
    const server = createServer((socket) => socket.once('data', () => socket.end(answer)));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const raw = connect((server.address() as AddressInfo).port, '127.0.0.1');

    await expect(startTls(raw, { mode, host: '127.0.0.1', isDirect: false })).rejects.toMatchObject({ code });

    expect(raw.destroyed).toBe(true);
    server.close();
  },
);
