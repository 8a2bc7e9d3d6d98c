import { spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';

/** Values that must be found nowhere, by what they are. */
export type Canaries = ReadonlyMap<string, string>;

/** Long enough that it is no accident where it is found. */
const leastLength = 12;

/** How a value may be written: as it is, in base64 wherever it stands in there, in hex, in a URL, in JSON. */
export function formsOf(value: string): string[] {
  const bytes = Buffer.from(value);
  const base64 = [0, 1, 2].map((offset) => innerBase64(bytes, offset));
  const hex = bytes.toString('hex');
  const percent = encodeURIComponent(value);
  const json = JSON.stringify(value).slice(1, -1);
  const html = json.replace(/[<>&]/g, escaped); // As Go writes it.
  const ascii = [json, html].map((form) => form.replace(/[\u0080-\uffff]/g, escaped));
  const urlSafe = base64.map((form) => form.replaceAll('+', '-').replaceAll('/', '_'));
  const forms = [value, ...base64, ...urlSafe, hex, hex.toUpperCase(), percent, json, html, ...ascii];
  return [...new Set(forms)].filter(({ length }) => length >= leastLength);
}

function escaped(letter: string): string {
  return `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Without the characters at both ends that depend on what stands beside the value. */
function innerBase64(bytes: Buffer, offset: number): string {
  const encoded = Buffer.concat([Buffer.alloc(offset), bytes])
    .toString('base64')
    .replaceAll('=', '');
  return encoded.slice(
    offset === 0 ? 0 : offset + 1,
    encoded.length - ((offset + bytes.length) % 3 === 0 ? 0 : 1),
  );
}

/** Which of them are in a text, in any form. */
export function findInText(canaries: Canaries, where: string, whole: string): string[] {
  return [...canaries].flatMap(([what, value]) =>
    formsOf(value).some((form) => whole.includes(form)) ? [`${what} in ${where}`] : [],
  );
}

/** Which of them are in a file below these directories, as `what in file`. Files may come and go meanwhile. */
export async function findInFiles(canaries: Canaries, directories: readonly string[]): Promise<string[]> {
  const whatOf = new Map(
    [...canaries].flatMap(([what, value]) => formsOf(value).map((form) => [form, what] as const)),
  );
  const grep = spawn('grep', ['-rHsoaZF', '-f', '-', ...directories], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { LC_ALL: 'C' },
  });
  grep.stdin.end(`${[...whatOf.keys()].join('\n')}\n`);
  const lines = (await text(grep.stdout)).split('\n').filter(Boolean);
  return [
    ...new Set(
      lines.map((line) => {
        const [file = '', form = ''] = line.split('\0');
        return `${whatOf.get(form) ?? form} in ${file}`;
      }),
    ),
  ];
}

/** Which of them are in the arguments or the environment of any process. */
export async function findInProcesses(canaries: Canaries): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.flatMap((pid) =>
      ['cmdline', 'environ'].map(async (name) => {
        const whole = await readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '');
        return findInText(canaries, `/proc/${pid}/${name}`, whole);
      }),
    ),
  );
  return found.flat();
}
