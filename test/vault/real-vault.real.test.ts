import { secretsContract } from '../contract/secrets.contract.js';
import { rigPart } from '../support/rig-part.js';
import { startLiveBench } from './live-bench.js';
import { liveIdentitySuite } from './live-identity.suite.js';
import { liveLoginWaysSuite } from './live-login-ways.suite.js';
import { liveRightsSuite } from './live-rights.suite.js';
import { liveSessionSuite } from './live-session.suite.js';

const name = 'a real Vault';
const vault = await rigPart('vault');
const find = async () => vault;

secretsContract(name, () => startLiveBench(vault));
liveSessionSuite(name, find);
liveIdentitySuite(name, find);
liveLoginWaysSuite(name, find);
liveRightsSuite(name, find);
