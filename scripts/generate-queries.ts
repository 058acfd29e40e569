// Writes src/postgres/queries.generated.ts from the SQL files, as a freshly migrated database describes them. DATABASE_URL
// names a server on which a database may be created and dropped; without it the embedded one is used.
import { writeFileSync } from "node:fs";
import pg from "pg";
import { loadConfig } from "../src/config/config.ts";
import { newId } from "../src/config/ids.ts";
import { silentLog } from "../src/observe/log.ts";
import { openPostgres } from "../src/postgres/embedded/open-postgres.ts";
import { migrate } from "../src/postgres/migrate.ts";
import { openPool } from "../src/postgres/pool.ts";
import { generatedFile, queryNames, renderQueries } from "./query-types/render.ts";

const { databaseUrl, dataDir } = loadConfig();
const server = await openPostgres({ databaseUrl, dataDir, log: silentLog });
const admin = new pg.Client({ connectionString: server.url });
await admin.connect();
const database = `sluice_queries_${newId()}`;
await admin.query(`CREATE DATABASE ${database}`);
try {
  const url = new URL(server.url);
  url.pathname = database;
  await describeFreshDatabase(url.href);
  console.log(`${queryNames().length} statements described in src/postgres/queries.generated.ts`);
} finally {
  await admin.query(`DROP DATABASE ${database} WITH (FORCE)`);
  await admin.end();
  await server.close();
}

async function describeFreshDatabase(url: string): Promise<void> {
  const pool = openPool(url, { max: 1, applicationName: "sluice-queries", log: silentLog });
  try {
    await migrate(pool, silentLog);
    const client = await pool.connect();
    const text = await renderQueries(client).finally(() => client.release());
    writeFileSync(generatedFile, text);
  } finally {
    await pool.end();
  }
}
