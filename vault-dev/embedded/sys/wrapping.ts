// Response wrapping: creates wrapping tokens, looks them up and unwraps them.

import { jsonText, parseJson } from '../../../src/vault/client/exact-json.js';
import type { EngineRequest, Route } from '../engines/engine.js';
import { isFields, parseSeconds, textOf } from '../http/body.js';
import { type Answer, frame, wrappedFrame } from '../http/frame.js';
import { type Fields, listed, Refusal, type Reply } from '../http/reply.js';
import type { Token, Tokens } from '../token/tokens.js';

/** The only policy of a wrapping token; no other token has it. */
const policy = 'response-wrapping';

/** Seconds of the header `X-Vault-Wrap-TTL`; 0 wraps nothing. */
export function wrapSecondsOf(header: string): number {
  if (header === '') return 0;
  try {
    const seconds = parseSeconds(header);
    if (seconds >= 0) return seconds;
  } catch (error) {
    throw wrongTtl(error instanceof Refusal ? error.message : '');
  }
  throw wrongTtl('requested wrap ttl cannot be negative');
}

function wrongTtl(why: string): Refusal {
  return new Refusal(400, `error parsing X-Vault-Wrap-TTL header: ${why}`);
}

/** Stores an answer for one read: in the cubbyhole of a new token with one use. */
export function wrap(tokens: Tokens, reply: Reply, order: { path: string; seconds: number }): Answer {
  const token = tokens.create({
    policies: [policy],
    type: 'service',
    path: order.path,
    displayName: '',
    parentId: '',
    numUses: 1,
    renewable: false,
    life: { ttl: order.seconds },
  });
  token.cubbyhole.set('response', { response: jsonText(frame(reply).body) });
  const accessor = reply.wrappedAccessor ?? '';
  return wrappedFrame({
    token: token.id,
    accessor: token.accessor,
    ttl: order.seconds,
    creation_time: new Date(token.createdAt).toISOString(),
    creation_path: order.path,
    ...(accessor === '' ? {} : { wrapped_accessor: accessor }),
    ...(textOf(reply.auth ?? {}, 'entity_id') === '' ? {} : { wrapped_entity_id: reply.auth?.entity_id }),
  });
}

/** Runs first, even before the token is checked: the token in question must be a wrapping token. */
export function checkWrappingToken(
  tokens: Tokens,
  path: string,
  sent: { token: string; body: Fields },
): void {
  if (!/^sys\/wrapping\/(?:lookup|unwrap|rewrap)$/.test(path)) return;
  const id = textOf(sent.body, 'token') || sent.token;
  if (id === '') throw new Refusal(403, 'error validating wrapping token: token is empty');
  if (!isWrappingToken(tokens.find(id)))
    throw new Refusal(400, 'wrapping token is not valid or does not exist');
}

function isWrappingToken(token: Token | undefined): token is Token {
  return token !== undefined && token.policies.length === 1 && token.policies[0] === policy;
}

/** Paths below `sys/`. A look-up needs no token of its own and costs no use. */
export function wrappingRoutes(tokens: Tokens): Route[] {
  const lookUp = (request: EngineRequest) => describe(tokens.find(wrappingTokenIdOf(request)));
  return [
    { pattern: /^wrapping\/lookup$/, read: lookUp, write: lookUp },
    { pattern: /^wrapping\/unwrap$/, write: (request) => unwrap(tokens, request) },
    { pattern: /^wrapping\/wrap$/, write: wrapGiven, read: wrapGiven },
  ];
}

function wrappingTokenIdOf({ body, sentToken }: EngineRequest): string {
  return textOf(body, 'token') || sentToken;
}

function describe(token: Token | undefined): Reply {
  if (!isWrappingToken(token)) throw new Refusal(400, 'wrapping token is not valid or does not exist');
  const { path, createdAt, life } = token;
  return {
    data: {
      creation_path: path,
      creation_time: new Date(createdAt).toISOString(),
      creation_ttl: Math.floor(life.ttl),
    },
  };
}

/** If only the header names the wrapping token, its use was taken already; if the body names it, it is taken here. */
function unwrap(tokens: Tokens, { body, token }: EngineRequest): Reply {
  const named = textOf(body, 'token');
  if (named === '') return contentOf(token);
  const wrapped = tokens.find(named);
  if (wrapped === undefined || !tokens.use(wrapped)) {
    throw listed(
      500,
      "error decrementing wrapping token's use-count: invalid token entry provided for use count decrementing",
    );
  }
  const reply = contentOf(wrapped);
  tokens.settle(wrapped);
  return reply;
}

function contentOf(token: Token | undefined): Reply {
  const text = token?.cubbyhole.get('response')?.response;
  const whole: unknown = typeof text === 'string' ? parseJson(text) : undefined;
  if (!isFields(whole))
    throw new Refusal(400, 'no information found; wrapping token may be from a previous Vault version');
  return { whole };
}

/** Returns the body that was sent; the answer is then wrapped. */
function wrapGiven({ body, wrapSeconds }: EngineRequest): Reply {
  if (wrapSeconds === 0) throw new Refusal(400, 'endpoint requires response wrapping to be used');
  return { data: body };
}
