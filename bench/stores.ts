// The stores of a benchmark: fresh ones in a directory of its own, real servers with their ordinary settings.

import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { silentLog } from "../src/observe/log.ts";
import { openPostgres, stopPostgres } from "../src/postgres/embedded/open-postgres.ts";
import { openRedis, stopRedis } from "../src/queue/open-redis.ts";

export const benchBackends = ["redis", "postgres"] as const;
export type BenchBackend = (typeof benchBackends)[number];

export interface BenchDatabase {
  url: string;
  /** What a process is given that works on it with that queue backend. */
  environment: Record<string, string>;
  drop(): Promise<void>;
}

export interface BenchStores {
  /** For files that go with the stores. */
  dir: string;
  /** An empty database, and a place of its own in the queue backend. */
  open(backend: BenchBackend): Promise<BenchDatabase>;
  close(): Promise<void>;
}

export async function openBenchStores(): Promise<BenchStores> {
  const dir = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  // As root PostgreSQL runs as somebody else, who has to walk through; mkdtemp lets nobody.
  chmodSync(dir, 0o755);
  const at = { dataDir: dir, log: silentLog };
  const postgres = await openPostgres(at);
  const redis = await openRedis(at);
  if (redis.kind === "none") throw new Error("the benchmarks need a redis-server on the PATH");
  const admin = new pg.Pool({ connectionString: postgres.url, max: 1 });
  let databases = 0;
  return {
    dir,
    open: async (backend) => {
      databases += 1;
      const name = `bench_${databases}`;
      await admin.query(`CREATE DATABASE ${name}`);
      const url = new URL(postgres.url);
      url.pathname = name;
      return {
        url: url.href,
        environment: {
          DATABASE_URL: url.href,
          SLUICE_QUEUE: backend,
          SLUICE_QUEUE_PREFIX: `bench-${databases}`,
          SLUICE_DATA_DIR: join(dir, name),
          SLUICE_PORT: "0",
          SLUICE_LOG_LEVEL: "warn",
          // What a benchmark holds money against it sets itself.
          SLUICE_UNBUDGETED: "allow",
          ...(backend === "redis" && { REDIS_URL: redis.url }),
        },
        drop: async () => void (await admin.query(`DROP DATABASE ${name} WITH (FORCE)`)),
      };
    },
    close: async () => {
      await admin.end();
      await redis.close();
      await postgres.close();
      await stopRedis(at).catch(() => undefined);
      await stopPostgres(at).catch(() => undefined);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
