// The types of a planner's moves, and what it needs to make them.

import type { Step } from '../../../job/parents/planner.js';
import type { AppParts } from '../../parts.js';
import type { Progress } from './model.js';

export type PlannerParts = Pick<AppParts, 'lopco' | 'registry' | 'access'>;

/** A step to take, or only what is known now: then the next question is asked at once. */
export type Move = Step | { readonly progress: Progress };
