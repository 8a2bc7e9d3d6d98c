import { BrokenError } from '../job/errors.js';
import type { Engine } from './engine.js';
import { EngineError } from './errors.js';

/** The oldest API that has all we use: Docker 20.10. */
const oldestApi = [1, 41] as const;

/** Throws `BrokenError` when jobs could not run now: the engine is away or too old, or their network is missing. */
export async function checkEngine(engine: Engine, network: string): Promise<void> {
  const { apiVersion } = await engine.version();
  if (!isNewEnough(apiVersion))
    throw new BrokenError(
      'engine_unavailable',
      `Expected an engine with API ${oldestApi.join('.')} or newer, got ${apiVersion}. Upgrade the engine.`,
    );
  if (!(await engine.hasNetwork(network))) throw new EngineError('network', 'network_missing', '');
}

function isNewEnough(apiVersion: string): boolean {
  const [major = 0, minor = 0] = apiVersion.split('.').map(Number);
  return major > oldestApi[0] || (major === oldestApi[0] && minor >= oldestApi[1]);
}
