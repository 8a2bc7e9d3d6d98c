// The head of the chain as it is exported: a JSON document signed by a key of Vault's; how it is read and verified.
import { createPublicKey, verify } from 'node:crypto';

/** What the chain was at a moment. Whoever keeps it outside can show later that nothing up to it was changed or cut off. */
export interface Head {
  /** The head of link 0, in hex. */
  readonly installation: string;
  readonly number: string;
  /** In hex. */
  readonly head: string;
  /** By Vault's clock where it is signed, as ISO 8601. */
  readonly takenAt: string;
}

/** By a transit key of the type ed25519. */
export interface HeadSignature {
  readonly key: string;
  readonly keyVersion: number;
  /** 32 bytes in base64, as Vault shows it. */
  readonly publicKey: string;
  /** 64 bytes in base64. */
  readonly signature: string;
}

export type HeadDocument = Head & Partial<HeadSignature>;

const format = 'stint head 1';

/** The text that is signed. */
export function headText({ installation, number, head, takenAt }: Head): string {
  return [format, installation, number, head, takenAt, ''].join('\n');
}

export function isSignedBy(publicKey: string, head: HeadDocument): boolean {
  const x = Buffer.from(publicKey, 'base64').toString('base64url');
  try {
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    return verify(null, Buffer.from(headText(head)), key, Buffer.from(head.signature ?? '', 'base64'));
  } catch {
    return false; // The key is none.
  }
}

/** The names of the fields in the document, which are those of the API too. */
export function toHeadJson({ installation, number, head, takenAt, ...signed }: HeadDocument) {
  return {
    format,
    installation,
    number,
    head,
    taken_at: takenAt,
    key: signed.key ?? null,
    key_version: signed.keyVersion ?? null,
    public_key: signed.publicKey ?? null,
    signature: signed.signature ?? null,
  };
}

const shapes = {
  installation: /^[0-9a-f]{64}$/,
  number: /^\d{1,18}$/,
  head: /^[0-9a-f]{64}$/,
  taken_at: /^\d{4}-[\dT:.-]+Z$/,
};

/** Throws `Error` that says what is wrong. */
export function parseHead(text: string): HeadDocument {
  const fields = parseObject(text);
  if (fields.format !== format)
    throw new Error(`Expected a head with the format "${format}", got another one.`);
  for (const [name, shape] of Object.entries(shapes))
    if (!shape.test(String(fields[name])))
      throw new Error(`Expected \`${name}\` of the head to fit ${shape}, got something else.`);
  const { installation, number, head, taken_at: takenAt } = fields as Record<string, string>;
  const own = {
    installation: installation ?? '',
    number: number ?? '',
    head: head ?? '',
    takenAt: takenAt ?? '',
  };
  const { key, key_version: keyVersion, public_key: publicKey, signature } = fields;
  return signature === null
    ? own
    : {
        ...own,
        key: String(key),
        keyVersion: Number(keyVersion),
        publicKey: String(publicKey),
        signature: String(signature),
      };
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    return { ...(JSON.parse(text) as object) };
  } catch {
    throw new Error('Expected the head to be a JSON object, got something else.');
  }
}
