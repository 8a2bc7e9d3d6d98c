// What the demo does and shows: one job step by step, two jobs in one queue, and the history in Postgres.
import postgres from 'postgres';
import { type AnsweredJob, GostintClient } from './gostint-client.js';
import type { Show } from './show.js';
import type { Stage } from './stage.js';

const queue = 'demo';

/** Acts as the client: one job step by step, then two more to show the order of a queue, then the history. */
export async function tellStory(show: Show, { rig, setup, image, stint }: Stage): Promise<void> {
  const vault = rig.vault.address;
  show.title('A client, step by step');
  const token = await show.step('logged in to Vault with an AppRole', () =>
    GostintClient.logIn(vault, { roleId: setup.clientRoleId, secretId: setup.clientSecretId }),
  );
  const client = new GostintClient({ vault, stint: stint.url, token, roleName: setup.roleName });
  const id = await postStepByStep(show, client, payloadFor(image.name));
  const job = await show.step(
    'polled until it ended',
    () => client.wait(id),
    ({ status }) => status,
  );
  showJob(show, job);
  await showOrder(show, client, image.name);
  await showHistory(show, rig.postgres.url, id);
}

/** What the job does; only the server that runs it can read this. */
function payloadFor(image: string) {
  const script = [
    'echo "I am $(id -un) in the queue of $QUEUE"',
    'echo "the files are $(ls -l /secrets.yml)"',
    'echo "and this is what they say, as stint stores it (a value as short as 0042 is not masked):"',
    'cat /secrets.yml',
  ];
  return {
    qname: queue,
    container_image: image,
    run: ['sh', '-c', script.join('; ')],
    env_vars: [`QUEUE=${queue}`],
    secret_refs: [
      'db_user@kv/data/demo/db.user',
      'db_password@kv/data/demo/db.password',
      'greeting@kv1/demo/app.greeting',
    ],
  };
}

async function postStepByStep(show: Show, client: GostintClient, payload: object): Promise<string> {
  await show.step('made a minimal token, the only one that stint gets', () => client.minimalToken());
  const wrap = await show.step('made a wrapped SecretID, which can be unwrapped once', () =>
    client.wrapSecretId(),
  );
  const ciphertext = await show.step(
    'encrypted the payload with the transit key',
    () => client.encrypt(payload),
    (text) => `${text.slice(0, 24)}…`,
  );
  const cubbyhole = await show.step('left it in the cubbyhole of a token of two uses', () =>
    client.leaveInCubbyhole(ciphertext),
  );
  const request = { qname: queue, ...cubbyhole, wrap_secret_id: wrap };
  const { _id } = await show.step(
    'POST /v1/api/job',
    () => client.post(request),
    ({ _id: id }) => `job ${id}`,
  );
  return _id;
}

function showJob(show: Show, job: AnsweredJob): void {
  show.title('The result');
  show.fact('status', job.status);
  show.fact('return code', String(job.return_code));
  show.fact('image', job.container_image);
  show.fact('container', `${job.container_id.slice(0, 12)}, removed`);
  show.fact('output', '');
  show.text(job.output);
}

/** Both are posted at once: the second waits for the first, as the times in the database show. */
async function showOrder(show: Show, client: GostintClient, image: string): Promise<void> {
  show.title('Two more jobs in one queue');
  const payload = (name: string) => ({
    qname: queue,
    container_image: image,
    run: ['sh', '-c', `echo ${name}; sleep 1`],
  });
  const first = await show.step('posted the first', () => client.submit(payload('first')));
  const second = await show.step('posted the second at once', () => client.submit(payload('second')));
  const ended = await show.step('waited for both', async () => [
    await client.wait(first),
    await client.wait(second),
  ]);
  for (const job of ended)
    show.fact(job.output.trim(), `${clock(job.started)} to ${clock(job.ended)}  ${job.status}`);
  const [one, other] = ended;
  const isInOrder = one !== undefined && other !== undefined && one.ended <= other.started;
  if (!isInOrder)
    throw new Error('Expected the second job to start after the first had ended, got both at once.');
}

function clock(time: string): string {
  return time.slice(11, 23);
}

/** Read from Postgres directly: the row of the job and its events. */
async function showHistory(show: Show, url: string, id: string): Promise<void> {
  show.title('The history in PostgreSQL');
  const sql = postgres(url, { max: 1 });
  try {
    const [row] =
      await sql`select id, state, queue, owner_name, exit_code, image_id, stdout_bytes from jobs where id = ${id}`;
    for (const [name, value] of Object.entries(row ?? {})) show.fact(name, String(value));
    const events =
      await sql`select to_char(at at time zone 'utc', 'HH24:MI:SS.MS') as at, kind from events where job_id = ${id} order by seq`;
    show.fact('events', events.map((event) => `${event.at} ${event.kind}`).join(', '));
  } finally {
    await sql.end({ timeout: 5 });
  }
}
