// Holds every text of a server that decides something: what Vault and OpenBao say besides the status.

/** What a text adds to the status. Wherever status and shape are enough, there is no text here. */
export type FailureHint = 'token_gone' | 'accessor_gone' | 'login_refused' | 'sealed' | 'standby';

interface Words {
  readonly hint: FailureHint;
  readonly statuses: readonly number[];
  /** Found anywhere in one of the texts, in any case; with `whole` a text must be this and no more. */
  readonly texts: readonly string[];
  readonly whole?: true;
}

/**
 * The first match counts. What is said by one server only has its name behind it; "later" is Vault after 1.13, by its
 * source. A token that is gone is told from a missing right by the words alone: a missing right comes as a list,
 * "1 error occurred: * permission denied". Some refusals come with 500, which would be Vault's own trouble.
 */
const words: readonly Words[] = [
  { hint: 'sealed', statuses: [503], texts: ['is sealed'] },
  { hint: 'standby', statuses: [500, 503], texts: ['local node not active', 'in standby mode'] },
  {
    hint: 'accessor_gone',
    statuses: [400, 403, 404, 500],
    texts: [
      'invalid accessor', //              of a token
      'failed to find accessor entry', // of a SecretID: 500
    ],
  },
  // Vault; OpenBao says "permission denied" with 403.
  { hint: 'token_gone', statuses: [403, 500], texts: ['failed to look up namespace from the token'] },
  // "invalid token" later, in a list.
  { hint: 'token_gone', statuses: [400, 403], texts: ['bad token', 'invalid token'] },
  { hint: 'token_gone', statuses: [403], texts: ['permission denied'], whole: true },
  {
    hint: 'login_refused',
    statuses: [400, 403, 500],
    texts: [
      'invalid secret id', //         Vault: 500
      'invalid role id', //           Vault
      'invalid role or secret id', // OpenBao, and Vault later
      'invalid secret_id', //         earlier
      'invalid role_id', //           earlier
      'failed to validate secretid', // earlier
    ],
  },
];

export function hintOf(status: number, texts: readonly string[]): FailureHint | undefined {
  const said = texts.map((text) => text.toLowerCase());
  return words.find((each) => each.statuses.includes(status) && said.some((text) => isSaid(each, text)))
    ?.hint;
}

function isSaid({ texts, whole }: Words, said: string): boolean {
  return whole === true ? texts.includes(said) : texts.some((text) => said.includes(text));
}
