// The image of a sandbox: one small program, loaded into the engine where it is missing.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Engine } from '../engine/engine.js';
import { padded } from '../tar/byte-reader.js';
import { blockBytes } from '../tar/header.js';
import { encodeHeader } from '../tar/new-header.js';
import { pauseProgram } from './pause-program.js';

/** Another program gets another name: nodes of different versions may share an engine. */
const name = 'stint-sandbox:1';

/**
 * The id of the image at this engine; undefined where we have no program for its processor. Known by its layer: whoever gave
 * another image this name changes nothing. Throws `EngineError`.
 */
export async function ensurePauseImage(engine: Engine): Promise<string | undefined> {
  const program = pauseProgram((await engine.info()).architecture);
  if (program === undefined) return undefined;
  const layer = tarOf({ pause: { bytes: program.bytes, mode: 0o555 } });
  const digest = sha256(layer);
  const find = async () => {
    const found = await engine.findImage(name);
    return found !== undefined && !found.isHollow && found.layers.join() === digest ? found.id : undefined;
  };
  const present = await find();
  if (present !== undefined) return present;
  await engine.loadImage(Readable.from([archiveOf(layer, digest, program.platform)]));
  return await find();
}

/** As `docker save` writes them. The same bytes each time, so that an engine has it once however often it is loaded. */
function archiveOf(layer: Buffer, digest: string, platform: string): Buffer {
  const config = json({
    architecture: platform,
    os: 'linux',
    created: '1970-01-01T00:00:00Z',
    config: { Entrypoint: ['/pause'] },
    rootfs: { type: 'layers', diff_ids: [digest] },
  });
  const configName = `${sha256(config).slice('sha256:'.length)}.json`;
  const manifest = json([{ Config: configName, RepoTags: [name], Layers: ['layer.tar'] }]);
  const files = { 'layer.tar': layer, [configName]: config, 'manifest.json': manifest };
  return tarOf(
    Object.fromEntries(Object.entries(files).map(([path, bytes]) => [path, { bytes, mode: 0o444 }])),
  );
}

const json = (value: unknown) => Buffer.from(JSON.stringify(value));

function sha256(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

interface File {
  readonly bytes: Buffer;
  readonly mode: number;
}

/** Two blocks of zeros end it. */
function tarOf(files: Readonly<Record<string, File>>): Buffer {
  const members = Object.entries(files).flatMap(([path, { bytes, mode }]) => [
    encodeHeader({
      name: path,
      kind: 'file',
      mode,
      uid: 0,
      gid: 0,
      sizeBytes: bytes.length,
      modifiedAt: new Date(0),
    }),
    bytes,
    Buffer.alloc(padded(bytes.length) - bytes.length),
  ]);
  return Buffer.concat([...members, Buffer.alloc(2 * blockBytes)]);
}
