// Routes that need no token: welcome, version, ping, and the exchange of a password for a key.

import type { Hono } from 'hono';
import { RefusedError } from '../../job/errors.js';
import { sourceOf } from '../http/address.js';
import type { AppParts } from '../parts.js';
import type { ApiContext, ApiEnv, ApiMiddleware } from '../request/env.js';
import { answerBadRequest, answerFramework, answerJson, answerText } from './errors.js';
import type { Add } from './request.js';

/** Clients compare it with their own. */
const version = '0.5.2';

export function addAbout(
  app: Hono<ApiEnv>,
  parts: AppParts,
  { add, cors }: { add: Add; cors: ApiMiddleware },
): void {
  for (const path of ['/version', '/ping', '/auth']) app.use(path, cors);
  app.get('/', (c) => welcome(c));
  add('/version', { GET: (c) => answerJson(c, { name: 'gaffer', version }) });
  add('/ping', { GET: (c) => answerText(c, 'OK') });
  add('/auth', { GET: (c) => exchange(c, parts) });
}

/** A browser asks for a page, which is not of this door. */
async function welcome(c: ApiContext): Promise<Response> {
  const asksForPage = (c.req.header('accept') ?? '').includes('text/html');
  return asksForPage ? c.notFound() : answerJson(c, { welcome: 'gaffer', version });
}

const basic = /^basic +([\w+/-]+=*) *$/i;

/** The password is a token of Vault; the user is not looked at. */
async function exchange(c: ApiContext, { identify }: AppParts): Promise<Response> {
  const [, encoded] = basic.exec(c.req.header('authorization') ?? '') ?? [];
  if (encoded === undefined) return answerFramework(c, 401, 'unauthorized');
  const [, password] = /^[^:]*:(.*)$/s.exec(Buffer.from(encoded, 'base64').toString()) ?? [];
  if (password === undefined)
    return answerBadRequest(c, 'authorization', 'Expected `user:token` in Basic, got no colon.');
  if (password === '' || !(await isAccepted(() => identify(password, false, sourceOf(c)))))
    return answerFramework(c, 401, 'unauthorized');
  c.header('x-api-key', password);
  return answerJson(c, { api_key: password });
}

async function isAccepted(identify: () => Promise<unknown>): Promise<boolean> {
  try {
    await identify();
    return true;
  } catch (error) {
    if (error instanceof RefusedError && error.code === 'token_refused') return false;
    throw error;
  }
}
