import type { Acl } from './acl.js';
import type { Mounts } from './mounts.js';
import type { Policies } from './policies.js';
import type { Token, Tokens } from './tokens.js';

/** What Vault's own affairs are about. */
export interface SysParts {
  readonly tokens: Tokens;
  readonly policies: Policies;
  readonly mounts: Mounts;
  readonly aclOf: (token: Token) => Acl;
  readonly seal: () => void;
}
