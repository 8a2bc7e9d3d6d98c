import { Hono } from 'hono';
import { type ClientOptions, WebSocket } from 'ws';
import { answerFault } from '../../src/api/gaffer/errors.js';
import { observeRequests, startRequest } from '../../src/api/http/observe.js';
import { type Listening, type ListenOptions, listen } from '../../src/api/http/server.js';
import { openWebSocket, type Session } from '../../src/api/http/websocket.js';
import type { WebSocketOptions } from '../../src/api/http/websocket-server.js';
import type { AnsweredRequest } from '../../src/api/metrics.js';
import type { ApiEnv } from '../../src/api/request/env.js';
import { faultOf } from '../../src/api/request/errors.js';
import { RefusedError } from '../../src/job/errors.js';
import { usualReading } from './reading.js';
import type { LoggedLine } from './test-app.js';

export interface Served {
  readonly server: Listening;
  readonly log: LoggedLine[];
  readonly observed: AnsweredRequest[];
  /** Connects to the session; a test that ends without closing it has it closed by the server. */
  connect(path?: string, options?: ClientOptions): WebSocket;
}

type Options = Partial<WebSocketOptions> & {
  readonly http?: Partial<ListenOptions>;
  /** Runs before the token is looked at. */
  readonly before?: () => Promise<void>;
};

/** A server whose path `/session` is a WebSocket for callers with a token; `/body` answers with what it was sent. */
export async function serveWebSockets(
  session: Session,
  { http, before, ...options }: Options = {},
): Promise<Served> {
  const log: LoggedLine[] = [];
  const observed: AnsweredRequest[] = [];
  const logAs =
    (level: LoggedLine['level']) =>
    (message: string, facts: LoggedLine['facts'] = {}) => {
      log.push({ level, message, facts });
    };
  const apiLog = { info: logAs('info'), warn: logAs('warn'), error: logAs('error') };
  const app = appWith(session, before);
  const whole = new Hono<ApiEnv>()
    .onError((error, c) => answerFault(c, faultOf(error)))
    .use(
      startRequest,
      observeRequests(apiLog, {
        observe: (request) => observed.push(request),
        render: async () => ({ type: '', text: '' }),
      }),
    )
    .route('/', app);
  const webSockets = { isPath: (path: string) => path === '/session', log: apiLog, ...options };
  const server = await listen(whole, {
    host: '127.0.0.1',
    port: 0,
    reading: usualReading,
    webSockets,
    ...http,
  });
  const url = server.address.replace('http', 'ws');
  return {
    server,
    log,
    observed,
    connect: (path = '/session?token=yes', clientOptions = {}) =>
      new WebSocket(`${url}${path}`, clientOptions),
  };
}

function appWith(session: Session, before: Options['before']): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.use('/session', async (c, next) => {
    await before?.();
    if (c.req.query('token') === undefined) throw new RefusedError('token_missing', 'Missing token.');
    await next();
  });
  app.get('/session', (c) => openWebSocket(c, session));
  app.all('/body', async (c) => c.text(`${c.req.method} ${await c.req.text()}`));
  return app;
}
