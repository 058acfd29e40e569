// Databases for what is restored: without any table, and looked at through one connection.
import pg from "pg";
import { cloneDatabase } from "../support/stores.ts";

export interface FreshDatabase {
  readonly url: string;
  rows<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>;
  readonly client: pg.Client;
  drop(): Promise<void>;
}

/** A database with nothing in it, not even tables. */
export async function freshDatabase(): Promise<FreshDatabase> {
  const database = await cloneDatabase();
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query("DROP SCHEMA public CASCADE");
  await client.query("CREATE SCHEMA public");
  return {
    url: database.url,
    client,
    rows: async <Row extends pg.QueryResultRow>(text: string, values: unknown[] = []) =>
      (await client.query<Row>(text, values)).rows,
    drop: async () => {
      await client.end();
      await database.drop();
    },
  };
}
