// Signs and verifies images at a registry in cosign's format. `sign KEY NAME@DIGEST [SIGNED_DIGEST]`, `verify KEY NAME@DIGEST`.
import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';

const payloadType = 'application/vnd.dev.cosign.simplesigning.v1+json';
const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const signatureKey = 'dev.cosignproject.cosign/signature';

const [, , what, keyFile, reference = '', signedDigest] = process.argv;
const [name = '', digest = ''] = reference.split('@');
const slash = name.indexOf('/');
const base = `http://${name.slice(0, slash)}/v2/${name.slice(slash + 1)}`;
const signatures = `${base}/manifests/${digest.replace(':', '-')}.sig`;
const digestOf = (bytes) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

async function ask(url, init) {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${init?.method ?? 'GET'} ${url} gave ${response.status}`);
  return response;
}

async function upload(text) {
  const start = await ask(`${base}/blobs/uploads/`, { method: 'POST' });
  const place = new URL(start.headers.get('location') ?? '', base);
  place.searchParams.set('digest', digestOf(text));
  const headers = { 'content-type': 'application/octet-stream' };
  await ask(place, { method: 'PUT', headers, body: text });
  return { digest: digestOf(text), size: Buffer.byteLength(text) };
}

async function signImage(key) {
  const critical = {
    identity: { 'docker-reference': name },
    image: { 'docker-manifest-digest': signedDigest ?? digest },
    type: 'cosign container image signature',
  };
  const payload = JSON.stringify({ critical, optional: null });
  const signature = sign('sha256', Buffer.from(payload), key).toString('base64');
  const layer = {
    mediaType: payloadType,
    ...(await upload(payload)),
    annotations: { [signatureKey]: signature },
  };
  const config = { mediaType: 'application/vnd.oci.image.config.v1+json', ...(await upload('{}')) };
  const body = JSON.stringify({ schemaVersion: 2, mediaType: manifestType, config, layers: [layer] });
  await ask(signatures, { method: 'PUT', headers: { 'content-type': manifestType }, body });
}

/** One good signature for this very digest is enough. */
async function verifyImage(key) {
  const manifest = await (await ask(signatures, { headers: { accept: manifestType } })).json();
  for (const { mediaType, digest: blob, annotations } of manifest.layers) {
    const payload = Buffer.from(await (await ask(`${base}/blobs/${blob}`)).arrayBuffer());
    const signature = Buffer.from(annotations?.[signatureKey] ?? '', 'base64');
    if (mediaType !== payloadType || digestOf(payload) !== blob) continue;
    if (!verify('sha256', payload, key, signature)) continue;
    const { critical } = JSON.parse(payload.toString());
    if (critical.type !== 'cosign container image signature') continue;
    if (critical.image['docker-manifest-digest'] === digest) return;
  }
  throw new Error('no matching signatures');
}

const key = readFileSync(keyFile ?? '', 'utf8');
await (what === 'sign' ? signImage(createPrivateKey(key)) : verifyImage(createPublicKey(key)));
