// Lets operators and auditors in: by a policy that a setting names, or by a right that Vault grants.

import type { Handler } from 'hono';
import { RefusedError } from '../../job/errors.js';
import { operatorPath } from '../../job/rights/paths.js';
import type { OperatorArea, Right } from '../../job/rights/rights.js';
import type { AppParts } from '../parts.js';
import type { ApiContext, ApiEnv } from '../request/env.js';
import type { Methods } from '../request/route.js';

/** Auditors may read and no more. */
function rightOf(method: string): Right {
  return method === 'GET' ? 'read' : 'update';
}

/** Checks the right before anything else of the request is read. */
export function forOperators(parts: AppParts, area: OperatorArea, methods: Methods): Methods {
  const guarded = Object.entries(methods).map(([method, handler]: [string, Handler<ApiEnv>]) => {
    const guard: Handler<ApiEnv> = async (c, next) => {
      await requireRight(c, parts, { area, right: rightOf(method) });
      return handler(c, next);
    };
    return [method, guard] as const;
  });
  return Object.fromEntries(guarded);
}

async function requireRight(
  c: ApiContext,
  { rightsPath }: AppParts,
  { area, right }: { readonly area: OperatorArea; readonly right: Right },
): Promise<void> {
  if (await c.get('rights').asOperator(area, right)) return;
  const byRight =
    rightsPath === undefined ? '' : `with \`${right}\` on "${operatorPath(rightsPath, area)}" in Vault, or `;
  throw new RefusedError(
    'forbidden',
    `Expected a token ${byRight}with one of the policies that STINT_OPERATOR_POLICIES names, got one without.`,
  );
}
