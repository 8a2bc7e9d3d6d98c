import { expect, test } from 'vitest';
import { addJobUser } from '../../../src/docker/delivery/passwd.js';

const line = 'gostint:x:2001:2001:gostint:/tmp:/bin/sh\n';

test.each([
  ['no list', undefined, line],
  ['an empty list', '', line],
  ['a list', 'root:x:0:0::/:/bin/sh\n', `root:x:0:0::/:/bin/sh\n${line}`],
  ['a list without its last line end', 'root:x:0:0::/:/bin/sh', `root:x:0:0::/:/bin/sh\n${line}`],
  ['a list with 2001 as a group only', 'a:x:1:2001::/:/bin/sh\n', `a:x:1:2001::/:/bin/sh\n${line}`],
  ['a list with that user', 'me:x:2001:5::/:/bin/sh', 'me:x:2001:5::/:/bin/sh'],
])('addJobUser makes the right thing of %s', (_, text, expected) => {
  expect(addJobUser(text)).toBe(expected);
});
