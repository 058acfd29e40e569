// Every statement is a file, `queries/<family>/<name>.sql`, with a header that says what it does, its parameters, the locks it
// takes and the index it relies on. A module names the statement it runs, `const claim = query("jobs/claim")`, and the types of
// parameters and rows come from queries.generated.ts, which is written from a freshly migrated database. Statements are prepared
// once per connection under the name of their file. No SQL is built from strings anywhere.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Cursor from "pg-cursor";
import { limits } from "../config/limits.ts";
import { databaseFault, typeParsers, type Client, type Database } from "./pool.ts";
import type { Queries } from "./queries.generated.ts";

export type QueryName = keyof Queries;
/** A row of a statement: columns in snake_case, as the database names them. */
export type RowOf<Name extends QueryName> = Queries[Name]["row"];
export type ParamsOf<Name extends QueryName> = Queries[Name]["params"];

interface QueryAnswer<Row> {
  readonly rows: Row[];
  /** Rows returned or changed. Zero is an answer: somebody else was first. */
  readonly rowCount: number;
}

const texts = new Map<QueryName, string>();

/** The text of a statement, read once. */
function queryText(name: QueryName): string {
  const known = texts.get(name);
  if (known !== undefined) return known;
  const text = readFileSync(join(import.meta.dirname, "queries", `${name}.sql`), "utf8");
  texts.set(name, text);
  return text;
}

/**
 * The function that runs a statement, on a pool or on the client of a transaction.
 * @throws ServiceError database_unavailable | database_timeout; pg's own errors (a violated constraint) as they are
 */
export function query<Name extends QueryName>(name: Name) {
  return async (database: Database, params: ParamsOf<Name>): Promise<QueryAnswer<RowOf<Name>>> => {
    const statement = {
      name,
      text: queryText(name),
      values: [...params],
      query_timeout: limits.databaseAnswerTimeoutMs,
    };
    const answer = await database
      .query<RowOf<Name>>(statement)
      .catch((error: unknown) => Promise.reject(databaseFault(error)));
    return { rows: answer.rows, rowCount: answer.rowCount ?? 0 };
  };
}

/** The names of statements whose header says `rows: one`: at most one row comes back. */
type OneRowName = { [Name in QueryName]: Queries[Name]["rows"] extends "one" ? Name : never }[QueryName];

/** As `query`, for statements that return at most one row: that row, or undefined. */
export function queryOne<Name extends OneRowName>(name: Name) {
  const run = query(name);
  return async (database: Database, params: ParamsOf<Name>): Promise<RowOf<Name> | undefined> =>
    (await run(database, params)).rows[0];
}

/**
 * Streams the rows of a statement through a cursor, `rowsPerFetch` at a time, so that a million rows need the memory of one
 * fetch. The client belongs to the stream until it ends; leaving the loop early closes the cursor.
 */
export function queryStream<Name extends QueryName>(name: Name) {
  return async function* rows(
    client: Client,
    params: ParamsOf<Name>,
    rowsPerFetch: number,
  ): AsyncGenerator<RowOf<Name>> {
    const cursor = client.query(
      new Cursor<RowOf<Name>>(queryText(name), [...params], { types: typeParsers }),
    );
    let broken = false;
    try {
      for (;;) {
        // oxlint-disable-next-line no-await-in-loop -- the next fetch waits until this one is consumed
        const fetched = await cursor.read(rowsPerFetch);
        yield* fetched;
        if (fetched.length < rowsPerFetch) return;
      }
    } catch (error) {
      broken = true;
      throw databaseFault(error);
    } finally {
      await closeCursor(client, cursor, broken);
    }
  };
}

// pg-cursor waits for the server's word before it calls a cursor closed (pg-query-stream, built on it, before it reports any
// error). A server that is gone says nothing, so a broken cursor is not closed at all, and the end of the connection ends the
// waiting too. Whoever holds a broken client gets its error from the next statement.
function closeCursor(client: Client, cursor: Cursor, broken: boolean): Promise<void> {
  if (broken) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      client.off("end", done);
      resolve();
    };
    client.once("end", done);
    cursor.close(done);
  });
}
