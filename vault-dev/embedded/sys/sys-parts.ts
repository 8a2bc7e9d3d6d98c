// What the `sys/` paths need from the rest of the embedded Vault.

import type { Mounts } from '../engines/mounts.js';
import type { Acl } from '../policy/acl.js';
import type { Policies } from '../policy/policies.js';
import type { Token, Tokens } from '../token/tokens.js';

export interface SysParts {
  readonly tokens: Tokens;
  readonly policies: Policies;
  readonly mounts: Mounts;
  readonly aclOf: (token: Token) => Acl;
  readonly seal: () => void;
}
