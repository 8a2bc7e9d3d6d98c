import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Certificates for tests, made with Node's own signing, so that no other program is needed. Format: RFC 5280, in DER.

/** Signs certificates. A client trusts its own certificate. */
export interface Authority {
  readonly pem: string;
  /** A certificate for 127.0.0.1 that expires in so many days, which may be negative. */
  issue(days: number): IssuedCertificate;
}

export interface IssuedCertificate {
  readonly certPem: string;
  readonly keyPem: string;
}

export function makeAuthority(name: string): Authority {
  const { privateKey, publicKey } = newKey();
  const own = { issuer: name, subject: name, publicKey, days: 2, isAuthority: true };
  return {
    pem: toPem(signed(own, privateKey)),
    issue: (days) => {
      const leaf = newKey();
      const request = {
        issuer: name,
        subject: '127.0.0.1',
        publicKey: leaf.publicKey,
        days,
        isAuthority: false,
      };
      const keyPem = leaf.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
      return { certPem: toPem(signed(request, privateKey)), keyPem };
    },
  };
}

export interface CertificateFiles {
  readonly certPath: string;
  readonly keyPath: string;
  /** The authority's certificate, for the client. */
  readonly caPem: string;
  readonly remove: () => void;
}

/** A server's certificate as files, valid for a day. */
export function makeCertificate(): CertificateFiles {
  const authority = makeAuthority('stint test');
  const { certPem, keyPem } = authority.issue(1);
  const directory = mkdtempSync(join(tmpdir(), 'stint-tls-'));
  const certPath = join(directory, 'cert.pem');
  const keyPath = join(directory, 'key.pem');
  writeFileSync(certPath, certPem);
  writeFileSync(keyPath, keyPem, { mode: 0o600 });
  const remove = () => rmSync(directory, { recursive: true });
  return { certPath, keyPath, caPem: authority.pem, remove };
}

function newKey() {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function toPem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

interface CertificateRequest {
  readonly issuer: string;
  readonly subject: string;
  readonly publicKey: KeyObject;
  readonly days: number;
  readonly isAuthority: boolean;
}

/** The parts of a certificate by their tags in DER. */
const tags = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  oid: 0x06,
  text: 0x0c,
  time: 0x17,
  sequence: 0x30,
  set: 0x31,
  version: 0xa0,
  extensions: 0xa3,
  ipAddress: 0x87,
} as const;

const ecdsaWithSha256 = sequence(der('oid', Buffer.from('2a8648ce3d040302', 'hex')));
const commonName = der('oid', Buffer.from('550403', 'hex'));
const alternativeNames = der('oid', Buffer.from('551d11', 'hex'));
const basicConstraints = der('oid', Buffer.from('551d13', 'hex'));
let serial = 0;

function signed(request: CertificateRequest, key: KeyObject): Buffer {
  const body = sequence(
    der('version', der('integer', Buffer.from([2]))),
    der('integer', Buffer.from([++serial])),
    ecdsaWithSha256,
    nameOf(request.issuer),
    sequence(timeIn(-3), timeIn(request.days)),
    nameOf(request.subject),
    request.publicKey.export({ type: 'spki', format: 'der' }),
    der('extensions', sequence(request.isAuthority ? authorityMark() : localAddress())),
  );
  return sequence(body, ecdsaWithSha256, der('bits', Buffer.from([0]), sign('sha256', body, key)));
}

function authorityMark(): Buffer {
  const yes = der('boolean', Buffer.from([0xff]));
  return sequence(basicConstraints, yes, der('octets', sequence(yes)));
}

function localAddress(): Buffer {
  return sequence(alternativeNames, der('octets', sequence(der('ipAddress', Buffer.from([127, 0, 0, 1])))));
}

function nameOf(text: string): Buffer {
  return sequence(der('set', sequence(commonName, der('text', Buffer.from(text)))));
}

function timeIn(days: number): Buffer {
  const time = new Date(Date.now() + days * 86_400_000).toISOString();
  return der('time', Buffer.from(`${time.slice(2, 19).replaceAll(/[-T:]/g, '')}Z`));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der('sequence', ...parts);
}

function der(tag: keyof typeof tags, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const long = length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  const size = length < 128 ? [length] : long; // Go refuses a length that is written longer than it must be.
  return Buffer.concat([Buffer.from([tags[tag], ...size]), content]);
}
