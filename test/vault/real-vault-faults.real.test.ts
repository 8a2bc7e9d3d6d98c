import { startVaultServer } from '../../rig/vault/vault-server.js';
import { vaultHttpContract } from '../contract/vault-http.contract.js';
import { rigPart } from '../support/rig-part.js';
import { liveFaultSuite } from './live-fault.suite.js';

const name = 'a real Vault';
const vault = await rigPart('vault');
const find = async () => vault;

liveFaultSuite(name, find);
vaultHttpContract(name, find, () => startVaultServer({ alwaysOwn: true }));
