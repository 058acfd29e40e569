// The door to PostgreSQL. Three things here keep a process alive and honest when the server goes away:
//   every connection, idle or in use, has an `error` listener, because an `error` event nobody hears ends the process;
//   what says "the server is not there" becomes the fault `database_unavailable`, which callers answer with 503 or by waiting;
//   a connection whose transaction failed in an unknown state is thrown away, never handed to the next user.
// int8 arrives as bigint (money and counters are exact) and date as the text it is; both only here, not in all of pg.
import pg from "pg";
import { limits } from "../config/limits.ts";
import { isServiceError, ServiceError } from "../domain/errors.ts";
import { errorFields } from "../observe/error-fields.ts";
import type { Log } from "../observe/log.ts";

export type Pool = pg.Pool;
export type Client = pg.PoolClient;
/** Whatever a single statement can run on. A pool gives no two statements the same connection. */
export type Database = pg.Pool | pg.ClientBase;

interface PoolOptions {
  /** Connections at most. */
  readonly max: number;
  /** Shown in pg_stat_activity, so that a lock can be traced to a process. */
  readonly applicationName: string;
  readonly log: Log;
}

const int8ArrayOid = 1016;

/** How values arrive: as pg does it, but int8 as bigint and date as its text, which has no time zone to get wrong. */
export const typeParsers = new pg.TypeOverrides();
typeParsers.setTypeParser(pg.types.builtins.INT8, BigInt);
// `{1,2}`: our arrays of ids have one dimension and no nulls.
typeParsers.setTypeParser(int8ArrayOid, (text) =>
  text === "{}" ? [] : text.slice(1, -1).split(",").map(BigInt),
);
typeParsers.setTypeParser(pg.types.builtins.DATE, (text) => text);

/**
 * Plans must not depend on when statistics were last gathered. A prepared statement keeps the plan it was first given, and one
 * made while its table was empty would read the whole table for every job when it has a million rows. Each statement names the
 * index it relies on; these costs make it rely on it. JIT compiles for milliseconds what runs for microseconds, and so does planning
 * anew for every set of parameters, which the server would do for the large statements (a quarter of the realtime lane's time).
 */
const planOptions = "-c jit=off -c enable_seqscan=off -c plan_cache_mode=force_generic_plan";

/** Opens a pool. Nothing connects before the first use. Close it with `pool.end()`. */
export function openPool(url: string, options: PoolOptions): Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: options.max,
    application_name: options.applicationName,
    types: typeParsers,
    connectionTimeoutMillis: limits.databaseConnectTimeoutMs,
    idleTimeoutMillis: limits.databaseIdleTimeoutMs,
    statement_timeout: limits.statementTimeoutMs,
    idle_in_transaction_session_timeout: limits.idleInTransactionTimeoutMs,
    keepAlive: true,
    options: planOptions,
  });
  const report = (error: Error): void => options.log.event("database.connection_lost", errorFields(error));
  pool.on("error", report);
  // The pool listens to idle connections only. One that breaks while in use tells its user by the failing statement, and
  // emits the same error once more: it has been reported by then.
  pool.on("connect", (client) => client.on("error", () => undefined));
  return pool;
}

/**
 * Runs `work` with one connection of the pool, for statements that belong to one session (LISTEN, advisory locks).
 * @throws ServiceError database_unavailable | database_timeout; other errors as they are
 */
export async function withClient<T>(pool: Pool, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => Promise.reject(databaseFault(error)));
  let broken = true;
  try {
    const result = await work(client);
    broken = false;
    return result;
  } catch (error) {
    const fault = databaseFault(error);
    broken = isServiceError(fault, "database_unavailable");
    throw fault;
  } finally {
    client.release(broken);
  }
}

/**
 * Runs `work` in one transaction: committed when it returns, rolled back when it throws. Nothing is repeated here.
 * A COMMIT whose answer is lost throws database_unavailable: the caller does not know, and must ask by its own key.
 */
export async function withTransaction<T>(pool: Pool, work: (client: Client) => Promise<T>): Promise<T> {
  return withClient(pool, async (client) => {
    await client.query("BEGIN");
    try {
      const result = await work(client);
      await client.query("COMMIT");
      return result;
    } catch (error) {
      const fault = databaseFault(error);
      // On a dead line ROLLBACK would wait for ever; the connection is thrown away and the server rolls back by itself.
      if (!isServiceError(fault, "database_unavailable"))
        await client.query("ROLLBACK").catch(() => undefined);
      throw fault;
    }
  });
}

const unreachableCodes = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "ENOENT",
  "EHOSTUNREACH",
  "EAI_AGAIN",
]);
// 57P01-57P03 shutdown and starting up, 53300 too many connections, 25P03 ended while idle in its transaction.
const unreachableStates = /^(08...|57P0[1-3]|53300|25P03)$/;
// pg gives these no code. They are compared here and nowhere else.
const unreachableTexts =
  /^(Connection terminated|Query read timeout|timeout exceeded when trying to connect|Client has encountered a connection error|Client was closed|Cannot use a pool after calling end)/;
const statementCanceled = "57014";
/** Raised by guard_restore_stop (migration 0005). */
const restoreUnrecovered = "SL001";

/** Maps what pg throws to the catalogue; what is neither absence nor a timeout is returned as it is. */
export function databaseFault(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof ServiceError) return error;
  const code = "code" in error ? String(error.code) : "";
  const retryAfterS = limits.storeRetryAfterS;
  if (code === restoreUnrecovered) return new ServiceError("restore_unrecovered", { cause: error });
  if (code === statementCanceled) return new ServiceError("database_timeout", { cause: error, retryAfterS });
  const gone =
    unreachableCodes.has(code) || unreachableStates.test(code) || unreachableTexts.test(error.message);
  return gone ? new ServiceError("database_unavailable", { cause: error, retryAfterS }) : error;
}
