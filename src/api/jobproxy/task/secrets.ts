// Reads the fields by which a task gets secrets: a wrapping token, references, the form of the file.

import { type SecretFileType, type SpecFields, secretFileTypes } from '../../../job/job.js';
import { Secret } from '../../../job/secret.js';
import type { Problems } from './problems.js';
import { type Fields, isGiven, readFlag, readText, readTexts } from './values.js';

export function readSecretFields(task: Fields, problems: Problems): SpecFields {
  const secretRefs = readTexts(task.secret_refs, { field: 'secret_refs', problems });
  const secretFileType = readFileType(task.secret_file_type, problems);
  const continueOnWarnings = readFlag(task.cont_on_warnings, { field: 'cont_on_warnings', problems });
  const registryRef = readText(task.registry_ref, { field: 'registry_ref', problems });
  if (registryRef !== undefined && !isGiven(task.wrap_secret_id))
    problems.missing('wrap_secret_id', ': without it the login of `registry_ref` cannot be read');
  if (secretRefs !== undefined && secretRefs.length > 0 && !isGiven(task.wrap_secret_id))
    problems.missing('wrap_secret_id', ': without it no secret of `secret_refs` can be read');
  return {
    ...(secretRefs !== undefined && { secretRefs }),
    ...(secretFileType !== undefined && { secretFileType }),
    ...(continueOnWarnings !== undefined && { continueOnWarnings }),
    ...(registryRef !== undefined && { registryRef }),
  };
}

function readFileType(value: unknown, problems: Problems): SecretFileType | undefined {
  const word = readText(value, { field: 'secret_file_type', problems });
  const type = secretFileTypes.find((known) => known === word);
  if (word !== undefined && type === undefined)
    problems.expectedWord('secret_file_type', '`yaml` or `json`', word);
  return type;
}

/** What Vault accepts in a token header. It is a credential, so it is never quoted. */
export function readWrappingToken(task: Fields, problems: Problems): Secret | undefined {
  const token = readText(task.wrap_secret_id, { field: 'wrap_secret_id', problems });
  if (token !== undefined && !/^[!-~]{1,4096}$/.test(token))
    problems.add(
      'wrap_secret_id: expected a token of 1 to 4096 visible ASCII characters, got something else',
    );
  return token === undefined ? undefined : new Secret(token);
}
