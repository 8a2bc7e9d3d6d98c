// The address of Postgres, with logins from Vault where it has none of its own.
import type { Config } from '../config/config.js';
import { addressWith, DatabaseAddress } from '../store/postgres/address.js';
import { onLoginRefusal } from '../store/postgres/connection-loss.js';
import type { VaultConnection } from '../vault/client/client.js';
import { DatabaseLogin, type DatabaseUser } from '../vault/server-login/database-login.js';
import type { Closers } from './closers.js';
import type { Log } from './log.js';
import { serverLoginWay } from './options.js';

interface AddressParts {
  readonly config: Config;
  readonly vault: VaultConnection;
  readonly log: Log;
}

/** Throws `BrokenError` where a login is to come from Vault and Vault gives none. The last login is given back at the end. */
export async function openDatabaseAddress(
  { config, vault, log }: AddressParts,
  closers: Closers,
): Promise<DatabaseAddress> {
  const url = config.databaseUrl.reveal();
  const { databaseCredentials: path } = config.vault;
  const way = serverLoginWay(config.vault);
  if (path === undefined || way === undefined) return new DatabaseAddress(url);
  const login = closers.add(
    new DatabaseLogin(vault, {
      login: way,
      path,
      onChange: async (user) => {
        log.info('login at Postgres changed', { user: user.name });
        await address.change(urlOf(url, user));
      },
      onFailure: ({ message, ...facts }) => log.warn(message, facts),
    }),
  );
  const address = new DatabaseAddress(urlOf(url, await login.open()));
  const refusals = onLoginRefusal(() => login.replace());
  closers.add({ [Symbol.asyncDispose]: async () => refusals[Symbol.dispose]() });
  return address;
}

function urlOf(url: string, { name, password }: DatabaseUser): string {
  return addressWith(url, { name, password: password.reveal() });
}
