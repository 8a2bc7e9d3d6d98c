// Checks settings against each other: pairs that belong together, and plain connections to other machines.
import { quoteSetting } from './quote.js';
import { parseBoolean } from './schema.js';
import type { RawSettings, SettingName } from './settings.js';

/**
 * Finds settings that contradict each other. It works on their raw texts, so that its findings are reported together
 * with those about single values.
 */
export function findConflicts(raw: RawSettings): string[] {
  return [
    ...pair(raw, 'STINT_TLS_CERT', 'STINT_TLS_KEY'),
    ...pair(raw, 'STINT_SERVER_ROLE_ID', 'STINT_SERVER_SECRET_ID'),
    ...oneLogin(raw),
    ...checkDatabaseCredentials(raw),
    ...pair(raw, 'STINT_SERVICE_TOKEN', 'STINT_SERVICE_DOORS'),
    ...pair(raw, 'STINT_SERVICE_TOKEN', 'STINT_SERVICE_NETWORKS'),
    ...checkAuditKey(raw),
    ...checkSubmitRight(raw),
    ...clientsNeedTls(raw),
    ...checkPrinted(raw),
    ...checkPlainHttp(raw),
    ...checkPlainDocker(raw),
  ];
}

/** Without TLS only this machine may connect, unless `STINT_HOST` and `STINT_INSECURE_HTTP` say otherwise. */
export function defaultHost(certPath: string | undefined): string {
  return certPath === undefined ? '127.0.0.1' : '0.0.0.0';
}

function pair(raw: RawSettings, one: SettingName, other: SettingName): string[] {
  if ((raw[one] === undefined) === (raw[other] === undefined)) return [];
  const [given, missing] = raw[one] === undefined ? [other, one] : [one, other];
  return [`Expected ${missing} to be set together with ${given}, got only the latter.`];
}

/** Without TLS nobody would be asked for a certificate. */
function clientsNeedTls(raw: RawSettings): string[] {
  if (raw.STINT_TLS_CLIENT_CA === undefined || raw.STINT_TLS_CERT !== undefined) return [];
  return ['Expected STINT_TLS_CERT to be set together with STINT_TLS_CLIENT_CA, got only the latter.'];
}

/** What is not masked is not looked for. */
function checkPrinted(raw: RawSettings): string[] {
  const isMasked = parseBoolean(raw.STINT_MASK_OUTPUT ?? 'true') !== false;
  if (raw.STINT_ON_SECRET_IN_OUTPUT !== 'revoke' || isMasked) return [];
  return [
    'Expected STINT_MASK_OUTPUT=true with STINT_ON_SECRET_IN_OUTPUT=revoke, got STINT_MASK_OUTPUT=false.',
  ];
}

const serverLogins = [
  'STINT_SERVER_ROLE_ID',
  'STINT_SERVER_TOKEN_FILE',
  'STINT_SERVER_KUBERNETES_ROLE',
] as const;

function oneLogin(raw: RawSettings): string[] {
  const [one, other] = serverLogins.filter((name) => raw[name] !== undefined);
  if (other === undefined) return [];
  return [`Expected one login of the server's own, got both ${one} and ${other}.`];
}

/** Two logins at Postgres would leave it open which one counts. */
function checkDatabaseCredentials(raw: RawSettings): string[] {
  if (raw.STINT_DATABASE_CREDENTIALS === undefined) return [];
  const hasLogin = serverLogins.some((name) => raw[name] !== undefined);
  const hasUser = /^[a-z]+:\/\/[^/?#]*@/.test(raw.STINT_DATABASE_URL ?? '');
  return [
    ...(hasLogin
      ? []
      : [
          `Expected a login of the server's own (${serverLogins.join(', or ')}) with STINT_DATABASE_CREDENTIALS, got none.`,
        ]),
    ...(hasUser
      ? ['Expected STINT_DATABASE_URL to name no user with STINT_DATABASE_CREDENTIALS, got one.']
      : []),
  ];
}

/** One that does nothing without a login of the server's own. */
function checkAuditKey(raw: RawSettings): string[] {
  if (raw.STINT_AUDIT_KEY === undefined || serverLogins.some((name) => raw[name] !== undefined)) return [];
  return [
    `Expected a login of the server's own (${serverLogins.join(', or ')}) with STINT_AUDIT_KEY, got none.`,
  ];
}

function checkSubmitRight(raw: RawSettings): string[] {
  const isOff = (name: SettingName) => parseBoolean(raw[name] ?? '') === false;
  if (parseBoolean(raw.STINT_SUBMIT_NEEDS_RIGHT ?? '') !== true || !isOff('STINT_RIGHTS')) return [];
  return ['Expected STINT_RIGHTS to be true with STINT_SUBMIT_NEEDS_RIGHT: Vault is asked for the right.'];
}

function checkPlainHttp(raw: RawSettings): string[] {
  const host = raw.STINT_HOST ?? defaultHost(raw.STINT_TLS_CERT);
  const safe = raw.STINT_TLS_CERT !== undefined || raw.STINT_TLS_KEY !== undefined || isLoopback(host);
  if (safe || parseBoolean(raw.STINT_INSECURE_HTTP ?? '') === true) return [];
  return [
    `Expected STINT_HOST to be a loopback address while there is no TLS, got ${quoteSetting(host)}. ` +
      'Set STINT_TLS_CERT and STINT_TLS_KEY, or STINT_INSECURE_HTTP=true where something else encrypts.',
  ];
}

function checkPlainDocker(raw: RawSettings): string[] {
  const host = /^tcp:\/\/(.*):\d+$/.exec(raw.DOCKER_HOST ?? '')?.[1];
  if (host === undefined || isLoopback(host)) return [];
  if (parseBoolean(raw.STINT_INSECURE_DOCKER ?? '') === true) return [];
  return [
    `Expected DOCKER_HOST to be a unix socket or a loopback address, got ${quoteSetting(raw.DOCKER_HOST ?? '')}: ` +
      'plain TCP shows secrets to the network. Set STINT_INSECURE_DOCKER=true where something else encrypts.',
  ];
}

export function isLoopback(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[?::1\]?)$/.test(host);
}
