// One PostgreSQL and one Redis for a whole run of tests or of torture, started by the code under test, in a directory of their own.
// Afterwards both are stopped and the directory is removed. They are children that outlive us when we are killed, so a run also
// clears away what a killed run left behind.
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { isRunning } from "../../src/config/data-dir/process-identity.ts";
import { readServerRecord } from "../../src/config/data-dir/connection-file.ts";
import { silentLog } from "../../src/observe/log.ts";
import { openPostgres, stopPostgres } from "../../src/postgres/embedded/open-postgres.ts";
import { migrate } from "../../src/postgres/migrate.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { openQueueBackend } from "../../src/queue/backend.ts";
import { openRedis, stopRedis } from "../../src/queue/open-redis.ts";
import { ensureRedisServer } from "../../scripts/redis-server.ts";

const log = silentLog;
const directoryPrefix = "sluice-test-";
export const templateDatabase = "sluice_template";

export interface Servers {
  /** The server's own database; tests take clones of the template. */
  readonly postgresUrl: string;
  readonly redisUrl: string;
  readonly templateDatabase: string;
  stop(): Promise<void>;
}

export async function startServers(): Promise<Servers> {
  ensureRedisServer();
  await clearLeftovers();
  const dataDir = await newDataDir();
  const [postgres, redis] = await Promise.all([openPostgres({ dataDir, log }), openRedis({ dataDir, log })]);
  if (redis.kind === "none") throw new Error("redis-server was there a moment ago");
  const servers = await runningServers(dataDir);
  // When the run is ended at once (a second Ctrl-C, an uncaught error), nobody waits for an orderly stop.
  const killServers = (): void => servers.forEach((pid) => kill(pid));
  process.once("exit", killServers);
  await makeTemplate(postgres.url);
  return {
    postgresUrl: postgres.url,
    redisUrl: redis.url,
    templateDatabase,
    stop: async () => {
      await postgres.close();
      await redis.close();
      await removeStores(dataDir);
      process.off("exit", killServers);
    },
  };
}

export async function newDataDir(): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), directoryPrefix));
  // Where we are root, PostgreSQL is somebody else and has to walk through; mkdtemp lets nobody.
  await chmod(dataDir, 0o755);
  return dataDir;
}

/** A migrated database, with BullMQ's tables too, that nobody is connected to: PostgreSQL copies it within 50 ms. */
export async function makeTemplate(serverUrl: string): Promise<void> {
  const admin = new pg.Client({ connectionString: serverUrl });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${templateDatabase}`);
  await admin.end();
  const url = new URL(serverUrl);
  url.pathname = templateDatabase;
  const pool = openPool(url.href, { max: 1, applicationName: "sluice-template", log });
  await migrate(pool, log);
  await pool.end();
  const queue = await openQueueBackend({
    redis: { kind: "none", describe: "" },
    postgresUrl: url.href,
    prefix: "template",
    log,
  });
  await queue.close();
}

async function runningServers(dataDir: string): Promise<number[]> {
  const records = await Promise.all([
    readServerRecord(dataDir, "postgres"),
    readServerRecord(dataDir, "redis"),
  ]);
  return records.flatMap((record) => (record?.server ? [record.server.pid] : []));
}

/** Directories of runs that are over. A running one is known by its users. */
export async function clearLeftovers(): Promise<void> {
  const names = (await readdir(tmpdir())).filter((name) => name.startsWith(directoryPrefix));
  await Promise.all(names.map((name) => clearLeftover(join(tmpdir(), name))));
}

async function clearLeftover(dataDir: string): Promise<void> {
  const record = await readServerRecord(dataDir, "postgres").catch(() => undefined);
  // A run that has only just made its directory has no record yet; the next run will see to it.
  if (record === undefined) return;
  const users = await Promise.all(record.users.map((user) => isRunning(user)));
  if (!users.includes(true)) await removeStores(dataDir);
}

export async function removeStores(dataDir: string): Promise<void> {
  await stopPostgres({ dataDir, log });
  await stopRedis({ dataDir, log });
  await rm(dataDir, { recursive: true, force: true });
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGQUIT");
  } catch {
    // It has ended already.
  }
}
