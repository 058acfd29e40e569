// A real database and a data directory for commands of the machine's operator: no service runs, no key is needed.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { cloneDatabase, type TestDatabase } from "../support/stores.ts";

export interface OperatorHome {
  readonly database: TestDatabase;
  readonly db: pg.Client;
  /** What the commands are to be run with. */
  readonly environment: Record<string, string>;
  close(): Promise<void>;
}

export async function openOperatorHome(): Promise<OperatorHome> {
  const database = await cloneDatabase();
  const db = new pg.Client({ connectionString: database.url });
  await db.connect();
  const dataDir = await mkdtemp(join(tmpdir(), "sluice-cli-"));
  return {
    database,
    db,
    environment: { DATABASE_URL: database.url, SLUICE_DATA_DIR: dataDir },
    close: async () => {
      await db.end();
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
