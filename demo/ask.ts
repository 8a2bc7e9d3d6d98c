// Makes a request at any door of the demo's stint, with a token of Vault's.
import { AnswerError } from './gostint-client.js';

/** Who asks, and which stint. */
export interface Asking {
  readonly token: string;
  readonly stint: string;
}

/** The text of the answer. Throws `AnswerError` where it is none of success. */
export async function ask(
  { token, stint }: Asking,
  method: string,
  path: string,
  body?: object,
): Promise<string> {
  const response = await fetch(`${stint}${path}`, {
    method,
    headers: { 'x-vault-token': token, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new AnswerError(`${method} ${path}`, response.status, text);
  return text;
}
