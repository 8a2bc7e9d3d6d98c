import type Docker from 'dockerode';
import { buildImage } from '../../rig/engine/image.js';

/**
 * Workers as LOPCO's are: an image with a program that knows its inputs by their names, works in the data cache, and calls
 * back without any credentials. It tries again while nobody answers.
 */
const callBack = `
callBack() {
  until wget -q -O - --header 'Content-Type: application/json' --post-data "{\\"$DEP_INSTANCE\\": $1}" "$JOB_CALLBACK_URL"
  do sleep 0.2; done
}
cd /data_cache || exit 9
`;

const scripts = {
  /** A file for each line of a table. */
  split: `
echo splitting by "$delimiter"
n=0; out=
while read -r line; do
  n=$((n + 1)); file="part-$n-$DEP_INSTANCE"
  echo "$line" > "$file"
  out="$out\${out:+,}{\\"unique_id\\": \\"$n\\", \\"result_table\\": \\"$file\\"}"
done < "$source_table"
callBack "[$out]"`,
  /** One part in capitals. */
  shout: `
file="loud-$DEP_INSTANCE"
tr a-z A-Z < "$table" > "$file"
echo shouting "$(cat "$file")"
callBack "{\\"csv\\": \\"$file\\"}"`,
  /** All parts in one, which it prints. */
  merge: `
echo merging what came from "$_0_origin"
cat "$_0_source_file" "$_1_source_file"
callBack null`,
  /** Calls back with nothing it should not, and never ends by itself. */
  linger: `
echo lingering
callBack '{"done": "1"}'
sleep 300`,
  /** Waits for somebody to stop it. */
  wait: `
echo waiting
exec sleep 300`,
  /** Prints what it may read at Vault. */
  secret: `
grep WORD /secrets.yml
callBack null`,
  /** Does what its stage is configured to, and has no result for the next. */
  told: `
eval "$script"
callBack null`,
  fail: `
echo failing
exit 3`,
  silent: `
echo silent`,
} as const;

export type WorkerName = keyof typeof scripts;

export function workerImage(name: WorkerName): string {
  return `stint-test/lopco-${name}:1`;
}

export async function buildWorkers(docker: Docker, names: readonly WorkerName[]): Promise<void> {
  for (const name of names)
    await buildImage(docker, { tag: workerImage(name), cmd: ['sh', '-c', `${callBack}${scripts[name]}`] });
}

/** A stage of a pipeline, as the registry has it. */
export function stageOf(
  name: WorkerName,
  inputMap: Readonly<Record<string, string>>,
  { type = 'single', configs = null }: { type?: string; configs?: object | null } = {},
) {
  const fields = Object.keys(inputMap).map((field) => ({
    name: field,
    media_type: 'text/csv',
    is_file: true,
  }));
  return {
    id: name,
    worker: {
      id: `w-${name}`,
      name,
      image: workerImage(name),
      data_cache_path: '/data_cache',
      configs,
      input: { type, fields },
      output: null,
    },
    input_map: inputMap,
  };
}
