// Finds passwords and keys within a text: in URLs, behind names such as `password`, in headers, in base64.

/** A part of a secret. A guess may be none: it is masked, and nobody is told where it is too short for that. */
export interface Part {
  readonly text: string;
  readonly isGuess: boolean;
}

/** Every search takes time in proportion to the text, whatever it holds. Undefined is a pause: nothing was found meanwhile. */
export function* credentialsIn(text: string): Generator<Part | undefined> {
  yield* userPasswords(text);
  yield;
  yield* driverPassword(text);
  yield;
  yield* namedValues(text);
  yield* headerToken(text);
  yield;
  yield* inBase64(text);
  yield;
  yield* writtenLines(text);
}

const sure = (text: string): Part => ({ text, isGuess: false });
const guess = (text: string): Part => ({ text, isGuess: true });

/** What GitHub's clients send in the place of a password when the token is the user. */
const publicPasswords = ['', 'x-oauth-basic'];

/** `scheme://user:password@host`, several in a text, with passwords that should have been encoded and are not. */
function* userPasswords(text: string): Generator<Part | undefined> {
  for (const rest of text.split('://').slice(1)) {
    yield* ofUserInfo(rest.slice(0, endOf(rest, /[\s"'<>`]/)));
    yield;
  }
}

function ofUserInfo(rest: string): Part[] {
  const authority = rest.slice(0, endOf(rest, /[/?#]/));
  const isPlain = authority.includes('@');
  const info = (isPlain ? authority : rest).split('@').slice(0, -1).join('@');
  const colon = info.indexOf(':');
  if (colon < 0) return isPlain ? [guess(info)] : [];
  const [user, password] = [info.slice(0, colon), info.slice(colon + 1)];
  if (publicPasswords.includes(password)) return [guess(user)];
  return isPlain ? [sure(password), ...decoded(password, sure)] : [guess(password)];
}

/** `user:password@tcp(host:3306)/db`, as Go's drivers have it; without a protocol it may be anything. */
function driverPassword(text: string): Part[] {
  const [, password, protocol] =
    /^[^\s:@/]{1,200}:(\S{1,2000})@(\w{0,20}\()?[^\s@]{1,2000}$/.exec(text) ?? [];
  if (password === undefined) return [];
  return [protocol === undefined ? guess(password) : sure(password)];
}

function endOf(text: string, end: RegExp): number {
  const at = text.search(end);
  return at < 0 ? text.length : at;
}

/** As in a query, as `curl` and drivers take it apart. */
function decoded(text: string, as: (text: string) => Part): Part[] {
  if (!text.includes('%')) return [];
  try {
    return [as(decodeURIComponent(text))];
  } catch {
    return [];
  }
}

const secretName =
  '[\\w.-]{0,40}(?:pass|pwd|secret|token|credential|(?:api|access|account|private)[_-]?key|signature|sig)[\\w.-]{0,40}';
/** Queries, settings of drivers, files of variables, YAML. All repetitions but that of the value are bounded. */
const named = new RegExp(
  `(?:^|[\\s?&;,{(])["']?${secretName}["']?[ \\t]{0,8}[=:][ \\t]{0,8}(?:"([^"\\n]*)"|'([^'\\n]*)'|([^\\s&;,"']+))`,
  'gi',
);

function* namedValues(text: string): Generator<Part | undefined> {
  for (const window of windowsOf(text)) {
    yield;
    for (const [, double, single, bare] of window.matchAll(named)) {
      const value = double ?? single ?? bare ?? '';
      yield* [sure(value), ...decoded(value, guess)];
    }
  }
}

/** How much is searched in one go, and how much of it again with the next: the longest name and value that are found whole. */
const [windowLength, overlap] = [128 * 1024, 16 * 1024];

function* windowsOf(text: string): Generator<string> {
  for (let from = 0; from === 0 || from + overlap < text.length; from += windowLength - overlap)
    yield text.slice(from, from + windowLength);
}

function headerToken(text: string): Part[] {
  const token = /^(?:basic|bearer|token) ([^\s]+)$/i.exec(text)?.[1];
  return token === undefined ? [] : [sure(token)];
}

/** Any word may happen to be base64 of something: that is a guess. `user:password` in it hardly happens. */
function inBase64(text: string): Part[] {
  const inner = textOfBase64(text);
  if (inner === undefined) return [];
  const password = /^[^\s:/]{1,200}:(\S+)$/.exec(inner)?.[1];
  return [guess(inner), ...(password === undefined ? [] : [sure(password)])];
}

function textOfBase64(text: string): string | undefined {
  const joined = text.replace(/\r?\n/g, '');
  if (joined.length < 8 || joined.length % 4 === 1 || !/^[\w+/-]+={0,2}$/.test(joined)) return undefined;
  try {
    const inner = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(joined, 'base64'));
    return /[^\P{Cc}\t\r\n]/u.test(inner) ? undefined : inner;
  } catch {
    return undefined; // Its bytes are no text: a key, or no base64 at all.
  }
}

/** A PEM text in one line, as variables hold it. */
function writtenLines(text: string): Part[] {
  const isOneLine = text.includes('-----BEGIN ') && text.includes('\\n') && !text.includes('\n');
  return isOneLine ? [guess(text.split('\\n').join('\n'))] : [];
}
