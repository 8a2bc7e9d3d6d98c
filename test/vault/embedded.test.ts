import { afterAll } from 'vitest';
import { startEmbeddedVault } from '../../vault-dev/embedded/embedded.js';
import { secretsContract } from '../contract/secrets.contract.js';
import { startLiveBench } from './live-bench.js';
import { liveIdentitySuite } from './live-identity.suite.js';
import { liveLoginWaysSuite } from './live-login-ways.suite.js';
import { liveRightsSuite } from './live-rights.suite.js';
import { liveSessionSuite } from './live-session.suite.js';

const name = 'the embedded Vault';
const vault = await startEmbeddedVault();
const find = async () => vault;

afterAll(() => vault[Symbol.asyncDispose]());

secretsContract(name, () => startLiveBench(vault));
liveSessionSuite(name, find);
liveIdentitySuite(name, find);
liveLoginWaysSuite(name, find);
liveRightsSuite(name, find);
