import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import util from 'node:util';
import { afterEach, expect, test, vi } from 'vitest';
import { openDial } from '../../../src/docker/engine/dial.js';

afterEach(() => vi.restoreAllMocks());

/** The client library prints each request for a debug log, whether anybody reads that or not. */
test.each(['any', 'new'] as const)(
  'a request does not have all other requests and connections of its agent printed: %s',
  async (connection) => {
    const server = createServer((_, answer) => void answer.end('{}')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const dial = await openDial(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const printed = vi.spyOn(util, 'inspect');

    const asked = Array.from({ length: 20 }, () =>
      dial.ask('info', { method: 'GET', path: '/info', limitMs: 20_000, connection }),
    );
    await Promise.all(asked);

    const lengths = printed.mock.results.map(({ value }) => String(value).length);
    expect(lengths).toHaveLength(20);
    expect(Math.max(...lengths)).toBeLessThan(2_000);
    dial.close();
    server.close();
  },
);
