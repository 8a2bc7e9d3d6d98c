import type { VaultSetup } from '../../vault-dev/bootstrap.js';

/** What a stint stands on. */
export interface Ground {
  readonly databaseUrl: string;
  readonly dockerHost: string;
  readonly vaultAddress: string;
  readonly setup: VaultSetup;
}

/** The settings of a stint on these parts, as an operator would write them. */
export function settingsFor({
  databaseUrl,
  dockerHost,
  vaultAddress,
  setup,
}: Ground): Record<string, string> {
  return {
    STINT_DATABASE_URL: databaseUrl,
    DOCKER_HOST: dockerHost,
    VAULT_ADDR: vaultAddress,
    STINT_APPROLE_ID: setup.roleId,
    STINT_APPROLE_NAME: setup.roleName,
    STINT_SERVER_ROLE_ID: setup.serverRoleId,
    STINT_SERVER_SECRET_ID: setup.serverSecretId,
  };
}
