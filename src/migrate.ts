// `npm run migrate [-- SERVER_ROLE]`: migrates the database as the owner of its tables, and gives them to that role.
import { readFileSync } from 'node:fs';
import { collectSettings } from './config/collect.js';
import { schema } from './config/schema.js';
import { migrationsFolder } from './server/options.js';
import { migrateDatabase } from './store/postgres/migrate.js';

const readSchema = schema.pick({ STINT_DATABASE_URL: true });

async function main(serverRole: string | undefined): Promise<void> {
  const { raw } = collectSettings(process.env, (path) => readFileSync(path, 'utf8'));
  const { data } = readSchema.safeParse(raw);
  if (data === undefined) throw new Error('Set STINT_DATABASE_URL to the URL of the owner of the tables.');
  await migrateDatabase(data.STINT_DATABASE_URL.reveal(), migrationsFolder(), serverRole);
  process.stdout.write('The database is up to date.\n');
}

try {
  await main(process.argv[2]);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : 'It failed.'}\n`);
  process.exitCode = 1;
}
