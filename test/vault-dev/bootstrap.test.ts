import { afterAll } from 'vitest';
import { startEmbeddedVault } from '../../vault-dev/embedded/embedded.js';
import { bootstrapRefusalSuite, bootstrapSuite, freshBootstrapSuite } from './bootstrap.suite.js';
import { cleanUpSuite, danceSuite } from './dance.suite.js';
import { rightsSuite } from './rights.suite.js';

const vault = await startEmbeddedVault();
const find = async () => vault;

afterAll(() => vault[Symbol.asyncDispose]());

bootstrapSuite('the embedded Vault', find);
danceSuite('the embedded Vault', find);
cleanUpSuite('the embedded Vault', find);
rightsSuite('the embedded Vault', find);
freshBootstrapSuite('embedded Vault', () => startEmbeddedVault());
bootstrapRefusalSuite('embedded Vault', () => startEmbeddedVault());
