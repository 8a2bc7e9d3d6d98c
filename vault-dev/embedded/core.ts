// Processes one request of the embedded Vault: seal, token, policy, engine, wrapping.

import { createAppRole } from './auth/approle.js';
import { Identity } from './auth/identity.js';
import { createUserpass } from './auth/userpass.js';
import { createCubbyhole } from './engines/cubbyhole.js';
import type { EngineRequest, Operation } from './engines/engine.js';
import { createKv1 } from './engines/kv1.js';
import { createKv2 } from './engines/kv2.js';
import { type Mount, Mounts, usualSecondsOf } from './engines/mounts.js';
import { createTransit } from './engines/transit.js';
import type { Ask } from './http/ask.js';
import { type Answer, frame } from './http/frame.js';
import { type Fields, listed, Refusal, type Reply } from './http/reply.js';
import { Acl, type AclAction } from './policy/acl.js';
import { Policies } from './policy/policies.js';
import type { PathRule } from './policy/policy-language.js';
import { Seal } from './sys/seal.js';
import { createSys } from './sys/sys.js';
import { checkWrappingToken, wrap, wrapSecondsOf } from './sys/wrapping.js';
import { createTokenMethod } from './token/token-method.js';
import { type Token, Tokens } from './token/tokens.js';

/** Vault without its HTTP server. The checks have the same order as in Vault. */
export class Core {
  readonly seal = new Seal();
  readonly rootToken: string;
  readonly #tokens = new Tokens();
  readonly #policies = new Policies();
  readonly #identity = new Identity();
  readonly #mounts = new Mounts({
    secret: (type, { version }) => {
      if (type === 'kv') return String(version ?? '1') === '2' ? createKv2() : createKv1();
      return type === 'transit' ? createTransit() : undefined;
    },
    auth: (type) => {
      if (type === 'approle') return createAppRole(this.#tokens, this.#identity);
      return type === 'userpass' ? createUserpass(this.#tokens, this.#identity) : undefined;
    },
  });

  constructor(rootToken: string | undefined) {
    const parts = { tokens: this.#tokens, policies: this.#policies, mounts: this.#mounts };
    const sys = createSys({
      ...parts,
      aclOf: (token) => this.#aclOf(token),
      seal: () => {
        this.seal.isSealed = true;
      },
    });
    this.#mounts.fix('sys/', 'system', sys);
    this.#mounts.fix('identity/', 'identity', this.#identity.engine());
    this.#mounts.fix('cubbyhole/', 'cubbyhole', createCubbyhole());
    this.#mounts.fix('auth/token/', 'token', createTokenMethod(this.#tokens, this.#policies));
    this.#mounts.enable('secret', 'secret', { type: 'kv', options: { version: '2' } });
    this.rootToken = this.#tokens.create({
      ...(rootToken === undefined ? {} : { id: rootToken }),
      policies: ['root'],
      type: 'service',
      path: 'auth/token/create',
      displayName: 'token',
      parentId: '',
      life: { ttl: 0 },
    }).id;
  }

  answer(ask: Ask): Answer {
    const early = this.seal.answer(ask.method, ask.path, ask);
    if (early !== undefined) return early;
    if (this.seal.isSealed) throw new Refusal(503, 'Vault is sealed');
    const wrapSeconds = wrapSecondsOf(ask.wrapTtl);
    const operation = operationOf(ask);
    const path = operation === 'list' ? ask.path.replace(/\/?$/, '/') : ask.path;
    const body = operation === 'write' ? ask.body : Object.fromEntries(ask.query);
    checkWrappingToken(this.#tokens, path, { token: ask.token, body });
    const mount = this.#mounts.find(path);
    const isOpen = mount?.engine.isOpen?.(path.slice(mount.path.length)) ?? false;
    const asked = { operation, path, body, sentToken: ask.token, wrapSeconds, mount };
    const reply = isOpen ? route(asked, undefined, false) : this.#asToken(asked);
    return this.#send(reply, path, wrapSeconds);
  }

  /** A use is taken even if the request fails, and the last use ends the token once the request is done. */
  #asToken(asked: Asked): Reply | undefined {
    const token = this.#tokenOf(asked.sentToken);
    if (!this.#tokens.use(token)) throw new Refusal(403, 'permission denied');
    try {
      const acl = this.#aclOf(token);
      checkRights(acl, asked, token);
      return route(asked, token, acl.isSudo(asked.path));
    } finally {
      this.#tokens.settle(token);
    }
  }

  /** A dot after the prefix marks a namespace, which only Vault Enterprise has. */
  #tokenOf(id: string): Token {
    if (id.replace(/^(?:hv[sbr]|[sbr])\./, '').includes('.')) {
      throw new Refusal(
        500,
        'error performing token check: failed to look up namespace from the token: no namespace',
      );
    }
    const token = this.#tokens.find(id);
    if (token === undefined) throw new Refusal(403, 'permission denied');
    return token;
  }

  #aclOf(token: Token): Acl {
    const rules = token.policies.flatMap((name) => this.#policies.get(name)?.rules ?? []);
    return new Acl(this.#filled(rules, token), token.policies.includes('root'));
  }

  /** Rules about the caller's own entity do not apply without an entity. */
  #filled(rules: readonly PathRule[], { entityId }: Token): PathRule[] {
    const entity = this.#identity.find(entityId);
    return rules
      .map((rule) => ({
        ...rule,
        path: rule.path
          .replaceAll('{{identity.entity.id}}', entity?.id ?? '{{')
          .replaceAll('{{identity.entity.name}}', entity?.name ?? '{{'),
      }))
      .filter(({ path }) => !path.includes('{{'));
  }

  /** Only a successful answer with content is wrapped. */
  #send(reply: Reply | undefined, path: string, wrapSeconds: number): Answer {
    if (reply === undefined || wrapSeconds === 0 || (reply.status ?? 200) !== 200) return frame(reply);
    return wrap(this.#tokens, reply, { path, seconds: wrapSeconds });
  }
}

interface Asked {
  readonly operation: Operation;
  readonly path: string;
  readonly body: Fields;
  readonly sentToken: string;
  readonly wrapSeconds: number;
  readonly mount: Mount | undefined;
}

function operationOf({ method, query }: Ask): Operation {
  if (method === 'LIST' || (method === 'GET' && query.get('list') === 'true')) return 'list';
  if (method === 'GET') return 'read';
  if (method === 'POST' || method === 'PUT') return 'write';
  if (method === 'DELETE') return 'delete';
  throw new Refusal(405);
}

function checkRights(acl: Acl, { operation, path, mount, wrapSeconds }: Asked, token: Token): void {
  const inside = path.slice(mount?.path.length ?? 0);
  const needsSudo = mount?.engine.needsSudo?.(inside) ?? false;
  const action = deedOf(operation, mount?.engine.exists?.(inside, token));
  const isAllowed = acl.allows(action, path, wrapSeconds) && (!needsSudo || acl.isSudo(path));
  if (!isAllowed) throw listed(403, 'permission denied');
}

function deedOf(operation: Operation, exists: boolean | undefined): AclAction {
  if (operation !== 'write') return operation;
  return exists === false ? 'create' : 'update';
}

/** Runs after the check of rights, so that a token without rights does not learn what is mounted. */
function route(asked: Asked, token: Token | undefined, isSudo: boolean): Reply | undefined {
  const { mount, path } = asked;
  if (mount === undefined)
    throw new Refusal(404, `no handler for route ${JSON.stringify(path)}. route entry not found.`);
  const request: EngineRequest = {
    ...asked,
    token,
    isSudo,
    mount: mount.path,
    usualSeconds: usualSecondsOf(mount),
    path: path.slice(mount.path.length),
  };
  return mount.engine.handle(request);
}
