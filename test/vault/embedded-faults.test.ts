import { afterAll } from 'vitest';
import { startEmbeddedVault } from '../../vault-dev/embedded/embedded.js';
import { vaultHttpContract } from '../contract/vault-http.contract.js';
import { liveFaultSuite } from './live-fault.suite.js';

const name = 'the embedded Vault';
const vault = await startEmbeddedVault();
const find = async () => vault;

afterAll(() => vault[Symbol.asyncDispose]());

liveFaultSuite(name, find);
vaultHttpContract(name, find, () => startEmbeddedVault());
