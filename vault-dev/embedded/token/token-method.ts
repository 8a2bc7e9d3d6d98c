// The `auth/token/` paths: create, look up, renew and revoke tokens.

import { dispatch, type Engine, type EngineRequest } from '../engines/engine.js';
import { secondsOf, textOf } from '../http/body.js';
import { type Fields, listed, Refusal, type Reply } from '../http/reply.js';
import type { Policies } from '../policy/policies.js';
import { describe, isRenewable, issued } from './issue.js';
import { createToken } from './token-create.js';
import { grant, type Token, type Tokens } from './tokens.js';

/** The auth method that is always mounted. */
export function createTokenMethod(tokens: Tokens, policies: Policies): Engine {
  const named = (request: EngineRequest) => tokens.find(textOf(request.body, 'token') || own(request).id);
  const byAccessor = ({ body }: EngineRequest) => tokens.findByAccessor(accessorOf(body));
  const routes = [
    {
      pattern: /^create(-orphan)?$/,
      write: (request: EngineRequest, [orphan]: readonly string[]) =>
        createToken({ tokens, policies, request, isOrphan: orphan !== undefined }),
    },
    {
      pattern: /^lookup-self$/,
      read: (request: EngineRequest) => lookUp(own(request)),
      write: (request: EngineRequest) => lookUp(own(request)),
    },
    post('lookup', (request) => lookUp(named(request) ?? gone())),
    post('lookup-accessor', (request) => lookUp(byAccessor(request) ?? unknownAccessor(), { id: '' })),
    post('renew-self', (request) => renew(own(request), request.body)),
    post('renew', (request) => renew(named(request) ?? notFound(), request.body)),
    post('renew-accessor', (request) =>
      withoutToken(renew(byAccessor(request) ?? unknownAccessor(), request.body)),
    ),
    post('revoke-self', (request) => revoke(tokens, own(request))),
    post('revoke', ({ body }) => revoke(tokens, tokens.find(textOf(body, 'token')))),
    post('revoke-accessor', (request) => revokeOr(tokens, byAccessor(request))),
    post('revoke-orphan', ({ body }) => revokeAlone(tokens, tokens.find(textOf(body, 'token')))),
    { pattern: /^accessors\/?$/, list: () => accessorsOf(tokens) },
  ];
  return {
    handle: (request) => dispatch(routes, request),
    needsSudo: (path) => /^(?:revoke-orphan|accessors)/.test(path),
  };
}

function own({ token }: EngineRequest): Token {
  return token ?? gone();
}

function post(path: string, write: (request: EngineRequest) => Reply | undefined) {
  return { pattern: new RegExp(`^${path}$`), write };
}

function lookUp(token: Token, change: Fields = {}): Reply {
  return { data: { ...describe(token), ...change } };
}

/** Without `increment` the last grant is repeated. */
function renew(token: Token, body: Fields): Reply {
  if (!isRenewable(token)) throw new Refusal(400, 'lease is not renewable');
  const requested = secondsOf(body, 'increment') || token.life.renewTtl || token.grantedSeconds;
  const granted = grant(token, requested);
  token.renewedAt = Date.now();
  const isCut = granted < Math.floor(requested) && token.life.period === 0;
  return issued(token, isCut ? [cutWarning(requested, granted)] : []);
}

function cutWarning(requested: number, granted: number): string {
  return `TTL of "${requested}s" exceeded the effective max_ttl of "${granted}s"; TTL value is capped accordingly`;
}

function withoutToken(reply: Reply): Reply {
  return { ...reply, auth: { ...reply.auth, client_token: '' } };
}

/** Revoking a token that is gone is no error. */
function revoke(tokens: Tokens, token: Token | undefined): undefined {
  if (token === undefined) return;
  if (token.type === 'batch') throw new Refusal(400, 'batch tokens cannot be revoked');
  tokens.revoke(token);
}

function revokeOr(tokens: Tokens, token: Token | undefined): Reply | undefined {
  if (token === undefined) return { data: null, warnings: ['No token found with this accessor'] };
  return revoke(tokens, token);
}

function revokeAlone(tokens: Tokens, token: Token | undefined): undefined {
  if (token === undefined) throw new Refusal(400, 'token to revoke not found');
  tokens.revokeAlone(token);
}

function accessorsOf(tokens: Tokens): Reply {
  return { data: { keys: tokens.all().flatMap(({ accessor }) => accessor || []) } };
}

function accessorOf(body: Fields): string {
  const accessor = textOf(body, 'accessor');
  if (accessor === '') throw listed(400, 'missing accessor');
  return accessor;
}

function gone(): never {
  throw new Refusal(403, 'bad token');
}

function notFound(): never {
  throw new Refusal(400, 'token not found');
}

function unknownAccessor(): never {
  throw listed(400, 'invalid accessor');
}
