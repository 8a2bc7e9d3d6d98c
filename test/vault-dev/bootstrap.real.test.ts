import { startVaultServer } from '../../rig/vault/vault-server.js';
import { rigPart } from '../support/rig-part.js';
import { bootstrapRefusalSuite, bootstrapSuite, freshBootstrapSuite } from './bootstrap.suite.js';
import { cleanUpSuite, danceSuite } from './dance.suite.js';
import { rightsSuite } from './rights.suite.js';

const vault = await rigPart('vault');
const find = async () => vault;

bootstrapSuite('a real Vault', find);
danceSuite('a real Vault', find);
cleanUpSuite('a real Vault', find);
rightsSuite('a real Vault', find);
freshBootstrapSuite('real Vault', () => startVaultServer({ alwaysOwn: true }));
bootstrapRefusalSuite('real Vault', () => startVaultServer({ alwaysOwn: true }));
