import { expect, test } from 'vitest';
import { sourceOf } from '../../../src/api/http/address.js';
import type { ApiContext } from '../../../src/api/request/env.js';

function from(remoteAddress: string | undefined): ApiContext {
  return { env: { incoming: { socket: { remoteAddress } } } } as unknown as ApiContext;
}

test.each([
  ['10.0.0.7', '10.0.0.7'],
  ['::ffff:10.0.0.7', '10.0.0.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:DB8:1:2::6', '2001:db8:1:2::/64'],
  ['2001:db8::6', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  [undefined, ''],
])('%s counts as the source %s', (address, source) => {
  expect(sourceOf(from(address))).toBe(source);
});
