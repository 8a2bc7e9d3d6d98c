// `npm run demo -- --doors`: one call of each door, and the job that it made, as GoStint's door shows it.
import { setTimeout as delay } from 'node:timers/promises';
import { connectDocker } from '../rig/engine/docker.js';
import { type Asking, ask } from './ask.js';
import { type AnsweredJob, GostintClient } from './gostint-client.js';
import { showPipeline } from './pipeline.js';
import type { Show } from './show.js';
import type { Stage } from './stage.js';

/** One call, as the clients of that system make it. */
interface Call {
  readonly door: string;
  readonly path: string;
  readonly body: object;
  /** Where the door then shows the job; `{}` stands for what it answered. */
  readonly shownAt: string;
}

const calls = (image: string): readonly Call[] => [
  {
    door: 'JobProxy',
    path: '/v1/jobproxy/submit',
    body: { user: 'ines', container: { image, cmd: ['echo', 'a task of JobProxy'] } },
    shownAt: '/v1/jobproxy/state/{}',
  },
  {
    door: 'Run:AI',
    path: '/api/job',
    body: {
      job: {
        project: 'demo',
        name: 'sweep',
        image,
        imagePullPolicy: 'IfNotPresent',
        command: 'echo a run of Run:AI',
        completions: 2,
      },
    },
    shownAt: '/api/v1/job/demo/sweep',
  },
  {
    door: 'gaffer',
    path: '/jobs/demo',
    body: { name: 'web', cmd: "sh -c 'echo a process of gaffer; exec sleep 300'", image, numprocesses: 2 },
    shownAt: '/jobs/demo/web',
  },
];

/** A task; two runs and their parent; two processes and theirs. */
const jobsOfCalls = 7;
/** The processes and their parent run until they are unloaded. */
const supervised = 3;

/** Each door takes a job in its own words; the main door knows them all. */
export async function showDoors(show: Show, { rig, setup, image, stint, road }: Stage): Promise<void> {
  const vault = rig.vault.address;
  const login = { roleId: setup.clientRoleId, secretId: setup.clientSecretId };
  const token = await GostintClient.logIn(vault, login);
  const client = new GostintClient({ vault, stint: stint.url, token, roleName: setup.roleName });
  const asking = { token: await client.minimalToken(), stint: stint.url };
  for (const call of calls(image.name)) await showCall(show, call, asking);
  show.title('All of them at the main door');
  const jobs = await show.step('GET /v1/api/job, until all have ended or printed', () =>
    untilPrinted(client),
  );
  for (const { _id: id, status, output } of jobs) show.fact(id, `${status}: ${JSON.stringify(output)}`);
  await ask(asking, 'DELETE', '/jobs/demo/web');
  if (road === undefined)
    return show.line('  No pipeline of LOPCO: workers on an engine of another machine could not call back.');
  await showPipeline(show, connectDocker(rig.engine.dockerHost), image.name, asking);
}

async function showCall(show: Show, { door, path, body, shownAt }: Call, asking: Asking): Promise<void> {
  show.title(`The door of ${door}`);
  show.line(`  POST ${path}`);
  show.text(JSON.stringify(body, undefined, 2));
  const answer = await show.step(
    'taken',
    () => ask(asking, 'POST', path, body),
    (text) => text,
  );
  const place = shownAt.replace('{}', answer);
  show.fact(`GET ${place}`, '');
  show.text(await ask(asking, 'GET', place));
}

async function untilPrinted(client: GostintClient): Promise<readonly AnsweredJob[]> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const { data } = (await client.stint('GET', `/v1/api/job?limit=${jobsOfCalls}`)) as {
      data: AnsweredJob[];
    };
    const running = data.filter(({ status }) => status !== 'success');
    const isDone = running.length === supervised && running.every(({ output }) => output !== '');
    if (isDone) return data;
    if (Date.now() > deadline || running.some(({ status }) => status === 'failed'))
      throw new Error(`Expected all jobs to succeed, got ${running.map(({ output }) => output).join()}.`);
    await delay(100);
  }
}
