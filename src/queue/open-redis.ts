// The Redis of the queue: the one behind REDIS_URL, or a child of our own where the machine has the program, or none; then
// PostgreSQL is the queue as well. What it means that several processes share the child stands in
// config/data-dir/shared-server.ts.
import { openSharedServer, stopSharedServer } from "../config/data-dir/shared-server.ts";
import type { StoreLog } from "../config/data-dir/shared-server.ts";
import { inspectRedis } from "./inspect-redis.ts";
import type { RedisReport } from "./inspect-redis.ts";
import { findRedisServer, redisDriver } from "./redis-server.ts";

interface RedisOptions {
  /** REDIS_URL; without it a program on the PATH is looked for. */
  readonly redisUrl?: string | undefined;
  readonly dataDir: string;
  /** The programs that will do, in order of preference. */
  readonly programs?: readonly string[] | undefined;
  readonly log: StoreLog;
}

const redisPrograms = ["redis-server", "valkey-server"] as const;

export type OpenedRedis =
  | {
      /** A connection string with its password: never log it. */
      readonly url: string;
      /** `child`: started by this process. `shared-child`: another one had started it. */
      readonly kind: "external" | "child" | "shared-child";
      /** For the banner, without secrets. */
      readonly describe: string;
      readonly report: RedisReport;
      /** Signs off; the last process that uses the child stops it. */
      close(): Promise<void>;
    }
  | { readonly kind: "none"; readonly describe: string; close(): Promise<void> };

/**
 * Finds a Redis or starts one, and looks whether it suits a queue: `report.warnings` is for the banner and the log.
 * @throws ServiceError queue_unavailable | redis_unsuitable | embedded_failed
 */
export async function openRedis({
  redisUrl,
  dataDir,
  programs = redisPrograms,
  log,
}: RedisOptions): Promise<OpenedRedis> {
  if (redisUrl !== undefined) {
    const report = await inspectRedis(redisUrl);
    const { host } = new URL(redisUrl);
    return {
      url: redisUrl,
      kind: "external",
      describe: `${named(report)} at ${host} (REDIS_URL)`,
      report,
      close: () => Promise.resolve(),
    };
  }
  const program = await findRedisServer(programs);
  if (program === undefined) {
    return {
      kind: "none",
      describe: "no REDIS_URL and no redis-server or valkey-server on the PATH",
      close: () => Promise.resolve(),
    };
  }
  const server = await openSharedServer({ dataDir, driver: redisDriver(dataDir, program), log });
  try {
    const report = await inspectRedis(server.url);
    const describe = `${named(report)}, a child of this machine's ${program}, data in ${server.home}`;
    return {
      url: server.url,
      kind: server.joined ? "shared-child" : "child",
      describe,
      report,
      close: () => server.close(),
    };
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** Stops the child Redis of a data directory whoever uses it: for the end of a test run or an operator's command. */
export async function stopRedis({
  dataDir,
  programs = redisPrograms,
  log,
}: Omit<RedisOptions, "redisUrl">): Promise<void> {
  const program = await findRedisServer(programs);
  if (program !== undefined) await stopSharedServer({ dataDir, driver: redisDriver(dataDir, program), log });
}

const named = ({ flavour, version }: RedisReport): string =>
  `${flavour === "redis" ? "Redis" : flavour} ${version}`;
