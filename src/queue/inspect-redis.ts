// What a Redis (or Valkey) is like, as far as a queue depends on it. Asked once at start: too old is refused, the rest is
// told. BullMQ itself only prints to the console when the eviction policy would let the server drop queue entries at will.
import { Redis } from "ioredis";
import { ServiceError } from "../domain/errors.ts";
import { queueLimits } from "./limits.ts";

export type RedisFlavour = "redis" | "valkey" | "dragonfly" | "keydb";
export type RedisPersistence = "aof" | "rdb" | "none" | "unknown";

export interface RedisWarning {
  readonly code: "version_old" | "flavour_untested" | "eviction_policy" | "no_persistence" | "cluster";
  /** One sentence with its consequence. */
  readonly message: string;
}

export interface RedisReport {
  /** The version of the protocol it speaks (`redis_version`); Valkey 8 reports 7.2.4 here. */
  readonly version: string;
  readonly flavour: RedisFlavour;
  /** `maxmemory-policy`; "unknown" where the host hides it. */
  readonly evictionPolicy: string;
  readonly persistence: RedisPersistence;
  readonly warnings: readonly RedisWarning[];
}

/**
 * Connects, asks and disconnects.
 * @throws ServiceError queue_unavailable, when it does not answer; redis_unsuitable, below version 5 (BullMQ's hard minimum)
 */
export async function inspectRedis(url: string): Promise<RedisReport> {
  const { info, save } = await ask(url);
  return reportOf(info, save);
}

/** Judges the answers: the fields of INFO, and the value of `save` where CONFIG is allowed. */
export function reportOf(info: ReadonlyMap<string, string>, save: string | undefined): RedisReport {
  const version = info.get("redis_version") ?? "0.0.0";
  if (!isAtLeast(version, 5, 0)) {
    throw new ServiceError("redis_unsuitable", {
      detail: `Redis ${version} is older than 5.0, which BullMQ cannot use`,
    });
  }
  const report = {
    version,
    flavour: flavourOf(info),
    evictionPolicy: info.get("maxmemory_policy") ?? "unknown",
    persistence: persistenceOf(info.get("aof_enabled"), save),
  };
  return { ...report, warnings: warningsOf(report, info.get("cluster_enabled") === "1") };
}

async function ask(url: string): Promise<{ info: ReadonlyMap<string, string>; save: string | undefined }> {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: queueLimits.connectTimeoutMs,
    commandTimeout: queueLimits.inspectTimeoutMs,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  redis.on("error", () => undefined);
  try {
    await redis.connect();
    const text = await redis.info();
    // Many hosts forbid CONFIG; then the snapshot setting stays unknown.
    const config = await redis.config("GET", "save").catch(() => undefined);
    return { info: parseInfo(text), save: Array.isArray(config) ? (config[1] ?? "") : undefined };
  } catch (error) {
    throw new ServiceError("queue_unavailable", { detail: "Redis does not answer", cause: error });
  } finally {
    redis.disconnect();
  }
}

/** INFO's `name:value` lines; section heads and blank lines have no colon or begin with #. */
export function parseInfo(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const colon = line.indexOf(":");
    if (colon > 0 && !line.startsWith("#")) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}

function flavourOf(info: ReadonlyMap<string, string>): RedisFlavour {
  if (info.has("valkey_version") || info.get("server_name") === "valkey") return "valkey";
  if (info.has("dragonfly_version")) return "dragonfly";
  return info.has("mvcc_depth") ? "keydb" : "redis";
}

function persistenceOf(appendOnly: string | undefined, save: string | undefined): RedisPersistence {
  if (appendOnly === "1") return "aof";
  if (save === undefined) return "unknown";
  return save === "" ? "none" : "rdb";
}

function warningsOf(report: Omit<RedisReport, "warnings">, isCluster: boolean): RedisWarning[] {
  const { version, flavour, evictionPolicy, persistence } = report;
  const warnings: RedisWarning[] = [];
  const warn = (code: RedisWarning["code"], message: string): void => {
    warnings.push({ code, message });
  };
  if (!isAtLeast(version, 6, 2))
    warn(
      "version_old",
      `Redis ${version} is older than 6.2: unsupported, retries and blocking reads may misbehave.`,
    );
  if (flavour === "dragonfly" || flavour === "keydb")
    warn("flavour_untested", `${flavour} is not tested with this queue; use Redis or Valkey.`);
  if (evictionPolicy !== "noeviction") {
    warn(
      "eviction_policy",
      `maxmemory-policy is ${evictionPolicy}, not noeviction: when memory runs out, queue entries vanish and are dispatched again only after their lease.`,
    );
  }
  if (persistence === "none")
    warn(
      "no_persistence",
      "Neither append-only file nor snapshots are on: a restart empties the queue, which is then refilled from the database.",
    );
  if (isCluster)
    warn(
      "cluster",
      "This is a Redis Cluster node: keys of a queue must share a slot; set SLUICE_QUEUE_PREFIX to a name in braces, such as {sluice}.",
    );
  return warnings;
}

// What is not a version is not at least any.
function isAtLeast(version: string, major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split(".").map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}
