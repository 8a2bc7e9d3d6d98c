import { type Mask, maskSteps } from '../../src/executor/masking/mask.js';
import { type NamedPatterns, patternsIn } from '../../src/executor/masking/mask-forms.js';
import { type Leaves, leavesOf } from '../../src/executor/masking/mask-leaves.js';
import type { SecretValues } from '../../src/executor/secrets.js';
import { atOnce } from '../../src/job/payload/steps.js';

export const maskOf = (secrets: SecretValues): Mask => atOnce(maskSteps(secrets));
export const patternsOf = (secrets: SecretValues): NamedPatterns => atOnce(patternsIn(secrets));
export const partsOf = (value: string): Leaves => atOnce(leavesOf(value));
