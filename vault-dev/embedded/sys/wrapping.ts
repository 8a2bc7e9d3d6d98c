import { jsonText, parseJson } from '../../../src/vault/client/exact-json.js';
import type { EngineRequest, Route } from '../engines/engine.js';
import { isFields, parseSeconds, textOf } from '../http/body.js';
import { type Answer, frame, wrappedFrame } from '../http/frame.js';
import { type Fields, listed, Refusal, type Reply } from '../http/reply.js';
import type { Token, Tokens } from '../token/tokens.js';

/** The one policy of a wrapping token, and of no other. */
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

/** Puts an answer away for one reading: a token of one use, with the answer in its cubbyhole. */
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

/** Before anything else, even before the token is checked: what is asked about must be a wrap. */
export function checkWrappingToken(
  tokens: Tokens,
  path: string,
  sent: { token: string; body: Fields },
): void {
  if (!/^sys\/wrapping\/(?:lookup|unwrap|rewrap)$/.test(path)) return;
  const id = textOf(sent.body, 'token') || sent.token;
  if (id === '') throw new Refusal(403, 'error validating wrapping token: token is empty');
  if (!isWrap(tokens.find(id))) throw new Refusal(400, 'wrapping token is not valid or does not exist');
}

function isWrap(token: Token | undefined): token is Token {
  return token !== undefined && token.policies.length === 1 && token.policies[0] === policy;
}

/** Paths below `sys/`. A look-up is open to everybody and spends nothing. */
export function wrappingRoutes(tokens: Tokens): Route[] {
  const lookUp = (request: EngineRequest) => describe(tokens.find(wrapIdOf(request)));
  return [
    { pattern: /^wrapping\/lookup$/, read: lookUp, write: lookUp },
    { pattern: /^wrapping\/unwrap$/, write: (request) => unwrap(tokens, request) },
    { pattern: /^wrapping\/wrap$/, write: wrapGiven, read: wrapGiven },
  ];
}

function wrapIdOf({ body, sentToken }: EngineRequest): string {
  return textOf(body, 'token') || sentToken;
}

function describe(token: Token | undefined): Reply {
  if (!isWrap(token)) throw new Refusal(400, 'wrapping token is not valid or does not exist');
  const { path, createdAt, life } = token;
  return {
    data: {
      creation_path: path,
      creation_time: new Date(createdAt).toISOString(),
      creation_ttl: Math.floor(life.ttl),
    },
  };
}

/** Named in the header alone, the wrap has taken its only use already; named in the body it takes it here. */
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

/** Whatever it is given comes back, and the way back wraps it. */
function wrapGiven({ body, wrapSeconds }: EngineRequest): Reply {
  if (wrapSeconds === 0) throw new Refusal(400, 'endpoint requires response wrapping to be used');
  return { data: body };
}
