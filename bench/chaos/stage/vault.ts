// Sends requests to Vault with the root token, to prepare and to inspect it.

/** A Vault and its root token. */
export interface VaultAccess {
  readonly address: string;
  readonly rootToken: string;
}

export interface VaultReply {
  readonly status: number;
  readonly body: {
    readonly data?: Readonly<Record<string, unknown>>;
    readonly auth?: { readonly client_token: string; readonly accessor: string };
  };
}

/** Any status is returned; only a failed connection throws. */
export async function vaultAsk(
  { address, rootToken }: VaultAccess,
  method: string,
  path: string,
  body?: object,
): Promise<VaultReply> {
  const headers = { 'X-Vault-Token': rootToken };
  const url = `${address}/v1/${path}`;
  const response = await fetch(url, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  const text = await response.text();
  return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as VaultReply['body']) };
}

/** A token of a new submitter: to stint it is another person. */
export async function newOwnerToken(vault: VaultAccess, policy: string): Promise<string> {
  const options = { policies: [policy], ttl: '12h', no_parent: true };
  const { status, body } = await vaultAsk(vault, 'POST', 'auth/token/create', options);
  if (body.auth === undefined)
    throw new Error(`Could not make a token for a client: Vault answered ${status}.`);
  return body.auth.client_token;
}
