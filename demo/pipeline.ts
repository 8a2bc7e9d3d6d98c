// `npm run demo -- --doors`: a pipeline of LOPCO's, whose worker is a container that reads a file and calls back.
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { type Asking, ask } from './ask.js';
import type { Show } from './show.js';

const cacheVolume = 'stint-demo-data-cache';
const workerImage = 'stint-demo/count:1';
const file = 'upload-7';

/** What the operator of a stint says whose engine is reached from `callbackUrl`. */
export function pipelineSettings(callbackUrl: string, cleanUpImage: string): Record<string, string> {
  return {
    STINT_LOPCO_CALLBACK_URL: callbackUrl,
    STINT_LOPCO_CACHE_VOLUME: cacheVolume,
    STINT_LOPCO_CLEAN_UP_IMAGE: cleanUpImage,
    STINT_ALLOW_VOLUMES: `${cacheVolume}:rw`,
    STINT_ALLOW_USERS: 'image',
  };
}

/** Of the image, which knows by itself what to do. */
const program = `
lines=$(grep -c . "/data_cache/$table")
echo "$table has $lines lines"
wget -q -O - --header 'Content-Type: application/json' \\
  --post-data "{\\"$DEP_INSTANCE\\": {\\"lines\\": \\"$lines\\"}}" "$JOB_CALLBACK_URL"`;

const pipeline = {
  name: 'count',
  stages: [
    {
      id: '01',
      worker: { id: 'w', image: workerImage, input: { type: 'single' } },
      input_map: { table: 'init_source' },
    },
  ],
};

/** What LOPCO's clients do: a pipeline and a machine are registered, a file is stored, a job is posted and read. */
export async function showPipeline(show: Show, docker: Docker, image: string, asking: Asking): Promise<void> {
  show.title('A pipeline at the door of LOPCO');
  try {
    await show.step(`a worker's image, and the file ${file} in the data cache`, () => prepare(docker, image));
    show.text(JSON.stringify(pipeline, undefined, 2));
    const { resource } = JSON.parse(await ask(asking, 'POST', '/pipeline-registry/pipelines', pipeline)) as {
      resource: string;
    };
    const machine = { name: 'Press 7', pipeline_id: resource };
    await ask(asking, 'PUT', '/machine-registry/machines/press-07', machine);
    const job = { machine_id: 'press-07', hash: '52a9e6c1', file_name: file };
    const id = await ask(asking, 'POST', '/job-manager/jobs', job);
    const path = `/job-manager/history/${id}`;
    const ended = await show.step(`GET ${path}, until the worker has called back`, () => read(asking, path));
    show.text(JSON.stringify(JSON.parse(ended), undefined, 2));
  } finally {
    await remove(docker);
  }
}

/** Plays the adapter, which stores the file, and whoever builds the worker's image. */
async function prepare(docker: Docker, image: string): Promise<void> {
  const worker = await docker.createContainer({ Image: image, Cmd: ['sh', '-c', program] });
  await worker.commit({ repo: 'stint-demo/count', tag: '1' });
  await worker.remove();
  const adapter = await docker.createContainer({
    Image: image,
    Cmd: ['sh', '-c', `printf 'first\\nsecond\\n' > /data_cache/${file}`],
    HostConfig: { Binds: [`${cacheVolume}:/data_cache`], NetworkMode: 'none' },
  });
  await adapter.start();
  await adapter.wait();
  await adapter.remove();
}

async function read(asking: Asking, path: string): Promise<string> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const found = await ask(asking, 'GET', path).catch((error: unknown) => {
      if (Date.now() > deadline) throw error;
      return undefined;
    });
    if (found !== undefined) return found;
    await delay(100);
  }
}

/** The engine may be one that was there before. */
async function remove(docker: Docker): Promise<void> {
  for (const part of [docker.getImage(workerImage), docker.getVolume(cacheVolume)])
    await part.remove({ force: true }).catch(() => undefined);
}
