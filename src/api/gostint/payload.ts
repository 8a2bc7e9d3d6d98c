// Reads a job's decrypted payload in GoStint's format.

import { checkFields } from '../../job/check.js';
import { JobFailedError } from '../../job/errors.js';
import type { SpecFields } from '../../job/job.js';
import { parseJsonObject } from '../request/json.js';
import { joinProblems } from '../request/sentence.js';
import { fieldNames, toSpecFields } from './fields.js';
import { payloadShape, readShape } from './wire.js';

/**
 * Throws `JobFailedError` `payload_refused`, `payload_invalid`, not `RefusedError`: the job is already claimed when its
 * payload is read.
 */
export async function parsePayload(json: string | Uint8Array): Promise<SpecFields> {
  const bytes =
    typeof json === 'string' ? Buffer.from(json) : Buffer.from(json.buffer, json.byteOffset, json.byteLength);
  const parsed = await parseJsonObject(bytes, 'the payload');
  if ('problem' in parsed) throw refused([parsed.problem]);
  const shaped = readShape(payloadShape, parsed.object);
  if ('problems' in shaped) throw refused(shaped.problems);
  const fields = toSpecFields(shaped.fields);
  const problems = checkFields(fields, fieldNames);
  if (problems.length > 0) throw refused(problems);
  return fields;
}

function refused(problems: readonly string[]): JobFailedError {
  return new JobFailedError('payload_refused', 'payload_invalid', joinProblems(problems));
}
