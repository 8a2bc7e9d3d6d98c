// The settings that connect a stint server to the parts of a rig.
import type { VaultSetup } from '../../vault-dev/bootstrap.js';

/** The parts of a rig that a stint server uses. */
export interface ServerParts {
  readonly databaseUrl: string;
  readonly dockerHost: string;
  readonly vaultAddress: string;
  readonly setup: VaultSetup;
}

/** As an operator would write them into the environment. */
export function settingsFor({
  databaseUrl,
  dockerHost,
  vaultAddress,
  setup,
}: ServerParts): Record<string, string> {
  return {
    STINT_DATABASE_URL: databaseUrl,
    DOCKER_HOST: dockerHost,
    VAULT_ADDR: vaultAddress,
    STINT_APPROLE_ID: setup.roleId,
    STINT_APPROLE_NAME: setup.roleName,
    STINT_SERVER_ROLE_ID: setup.serverRoleId,
    STINT_SERVER_SECRET_ID: setup.serverSecretId,
    STINT_AUDIT_KEY: setup.auditKey,
  };
}
