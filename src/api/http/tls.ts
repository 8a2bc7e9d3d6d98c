// The TLS of the port: what is negotiated, who may connect, and a certificate that changes while the server runs.
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions, type Server } from 'node:tls';
import { BrokenError } from '../../job/errors.js';

export interface TlsFiles {
  readonly certPath: string;
  readonly keyPath: string;
  /** Whoever connects must have a certificate that one of these authorities signed; undefined: anybody may connect. */
  readonly clientCaPath?: string | undefined;
}

/** Only what keeps a recorded connection secret when the key is lost later, and no CBC. */
const ciphers = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
].join(':');

type Context = SecureContextOptions & { readonly cert: Buffer; readonly key: Buffer; readonly ca?: Buffer };

/** Reads the files, and throws `BrokenError` where one cannot be read or they do not fit. */
export async function readTls({ certPath, keyPath, clientCaPath }: TlsFiles): Promise<Context> {
  const [cert, key, ca] = await Promise.all([
    readPem(certPath, 'certificate'),
    readPem(keyPath, 'key of the certificate'),
    clientCaPath === undefined ? undefined : readPem(clientCaPath, "authorities of clients' certificates"),
  ]);
  const context = {
    cert,
    key,
    ciphers,
    honorCipherOrder: true,
    minVersion: 'TLSv1.2',
    ...(ca && { ca }),
  } as const;
  try {
    createSecureContext(context);
  } catch (error) {
    throw unusable(`Could not use the certificate in ${certPath} with the key in ${keyPath}`, error);
  }
  return context;
}

/**
 * Looks at the files again and again: new connections get a new certificate as soon as it fits its key. One that cannot be used
 * is told of once, and the old one stays.
 */
export function reloadTls(
  server: Server,
  files: TlsFiles,
  { inUse, everyMs, onFailure }: { inUse: Context; everyMs: number; onFailure: (message: string) => void },
): void {
  let known = bytesOf(inUse);
  let told = '';
  const look = async () => {
    try {
      const context = await readTls(files);
      const now = bytesOf(context);
      if (!now.equals(known)) server.setSecureContext(context);
      known = now;
      told = '';
    } catch (error) {
      const { message } = error as Error;
      if (message !== told) onFailure(message);
      told = message;
    }
  };
  const timer = setInterval(() => void look(), everyMs).unref();
  server.once('close', () => clearInterval(timer));
}

function bytesOf({ cert, key, ca }: Context): Buffer {
  return Buffer.concat([cert, key, ca ?? Buffer.alloc(0)]);
}

async function readPem(path: string, what: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw unusable(`Could not read the ${what} in ${path}`, error);
  }
}

/** Not retryable: a setting is wrong. */
export function unusable(action: string, error: unknown): BrokenError {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
  return new BrokenError('internal', `${action}: ${code}.`, { cause: error, retryable: false });
}
