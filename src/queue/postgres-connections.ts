// BullMQ's connections to PostgreSQL, for machines without a Redis. Its tables live in the schema `bullmq` of Sluice's own
// database; there is no foreign key and no transaction between the two, so the queue stays as disposable as on Redis.
//
// The pools are ours, not BullMQ's, for their listeners (an unheard error would end the process) and their time limits.
import { createPostgresBackend, runMigrations } from "bullmq";
import pg from "pg";
import type { Connections, OwnConnection } from "./connections.ts";
import { queueFault } from "./faults.ts";
import { queueLimits } from "./limits.ts";

const schema = "bullmq";

/** Makes or updates BullMQ's tables, then opens the pool of all queues. */
export async function connectPostgres(url: string, onError: (error: unknown) => void): Promise<Connections> {
  const open = (max: number, role: string): pg.Pool => openPool({ url, max, role, onError });
  await migrateOnce(url);
  const shared = open(queueLimits.producerConnectionsMax, "queues");
  const own = (max: number, role: string): OwnConnection => {
    const pool = open(max, role);
    return { settings: { connection: pool }, release: () => pool.end() };
  };
  return {
    // BullMQ's classes take the factory of any store but are typed by that of Redis; nothing of ours calls what differs.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    factory: createPostgresBackend as unknown as Connections["factory"],
    forQueue: () => ({ connection: shared }),
    forWorker: () => own(queueLimits.workerConnectionsMax, "worker"),
    forListener: () => own(queueLimits.listenerConnectionsMax, "listener"),
    ping: () => shared.query("SELECT 1"),
    close: () => shared.end(),
  };
}

interface PoolOptions {
  readonly url: string;
  readonly max: number;
  readonly role: string;
  readonly onError: (error: unknown) => void;
}

function openPool({ url, max, role, onError }: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    application_name: `sluice-${role}`,
    options: `-c search_path=${schema}`,
    connectionTimeoutMillis: queueLimits.connectTimeoutMs,
    query_timeout: queueLimits.commandTimeoutMs,
    statement_timeout: queueLimits.commandTimeoutMs,
    // A worker whose LISTEN connection died without a word would sleep until its next look.
    keepAlive: true,
    keepAliveInitialDelayMillis: queueLimits.keepAliveMs,
  });
  // Every queue adds a listener to the shared pool.
  pool.setMaxListeners(0);
  pool.on("error", onError);
  pool.on("connect", (client) => client.on("error", onError));
  return pool;
}

/** BullMQ's own migrations, under its own lock: any number of processes may start at once. */
async function migrateOnce(url: string): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: queueLimits.connectTimeoutMs,
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await runMigrations(client, schema);
  } catch (error) {
    throw queueFault(error);
  } finally {
    await client.end().catch(() => undefined);
  }
}
