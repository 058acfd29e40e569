// What every process has, whatever its roles: configuration, log, stores, its row among the processes, the flags.
//
// The order matters: a process first writes its row, then listens, then reads the flags; a stop first commits its flag, then
// reads the rows. One always sees the other.

import { systemClock } from "../config/clock.ts";
import type { Config } from "../config/config.ts";
import { newId } from "../config/ids.ts";
import { loadJobTypes } from "../config/job-types.ts";
import type { JobTypes } from "../config/job-types.ts";
import { Flags } from "../control/flags.ts";
import { ProcessLife } from "../control/processes.ts";
import type { Clock } from "../domain/clock.ts";
import type { Flag } from "../domain/flag.ts";
import { followTightening } from "../lanes/tightening.ts";
import type { Tightening } from "../postgres/tight-bounds.ts";
import { ServiceError } from "../domain/errors.ts";
import type { Log } from "../observe/log.ts";
import { openPostgres } from "../postgres/embedded/open-postgres.ts";
import { Listener } from "../postgres/listener.ts";
import { keepRestoreStop } from "../postgres/restores.ts";
import type { RestoreMarker } from "../postgres/restores.ts";
import { openPool } from "../postgres/pool.ts";
import type { Pool } from "../postgres/pool.ts";
import { openQueueBackend } from "../queue/backend.ts";
import type { QueueBackend } from "../queue/backend.ts";
import { openRedis } from "../queue/open-redis.ts";
import type { OpenedRedis } from "../queue/open-redis.ts";
import { bootstrap } from "./bootstrap.ts";

export interface Runtime {
  config: Config;
  log: Log;
  clock: Clock;
  newId(): string;
  pool: Pool;
  listener: Listener;
  life: ProcessLife;
  flags: Flags;
  backend: QueueBackend;
  jobTypes: JobTypes;
  tightening: Tightening;
  /** What the stores are and where, for the banner; without secrets. */
  describe: { postgres: string; queue: string; warnings: string[] };
  close(): Promise<void>;
}

/** Opens everything, migrated and registered. What was opened is closed again if a later step fails. */
export async function openRuntime(config: Config, log: Log): Promise<Runtime> {
  const closers: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    // oxlint-disable-next-line no-await-in-loop -- in the reverse order of opening
    for (const closeOne of closers.splice(0).toReversed()) await closeOne().catch(() => undefined);
  };
  try {
    return await open({ config, log, onClose: (closeOne) => void closers.push(closeOne), close });
  } catch (error) {
    await close();
    throw error;
  }
}

/** The Redis of the queue, or none, as SLUICE_QUEUE says. */
async function openQueueStore(config: Config, log: Log): Promise<OpenedRedis> {
  const { queue, redisUrl, dataDir } = config;
  if (queue === "postgres")
    return { kind: "none", describe: "SLUICE_QUEUE=postgres", close: () => Promise.resolve() };
  const redis = await openRedis({ redisUrl, dataDir, log });
  if (redis.kind !== "none")
    for (const { code } of redis.report.warnings) log.event("queue.odd_setting", { code });
  if (redis.kind === "none" && queue === "redis")
    throw new ServiceError("queue_unavailable", {
      detail: `SLUICE_QUEUE=redis, but there is ${redis.describe}.`,
    });
  return redis;
}

/** Why nothing starts, for whoever starts the service and wonders. */
function haltedText(marker: RestoreMarker | undefined, stop: Flag | undefined): string[] {
  if (marker !== undefined)
    return [
      `Restored from a backup of ${marker.snapshot_at.toISOString()}. Everything is stopped: run sluice recover.`,
    ];
  if (stop === undefined) return [];
  const { id, setAt, setBy, reason } = stop;
  return [
    `Everything is stopped since ${setAt.toISOString()} by ${setBy} (${reason}). When it may go on: sluice lift ${id} --reason …`,
  ];
}

interface Opening {
  config: Config;
  log: Log;
  onClose(close: () => Promise<unknown>): void;
  close(): Promise<void>;
}

async function open({ config, log, onClose, close }: Opening): Promise<Runtime> {
  const { dataDir } = config;
  const jobTypes = await loadJobTypes({ dirs: config.jobsDir === undefined ? [] : [config.jobsDir] });
  log.event("job_types.loaded", { types: jobTypes.size });
  const postgres = await openPostgres({ databaseUrl: config.databaseUrl, dataDir, log });
  onClose(() => postgres.close());
  const redis = await openQueueStore(config, log);
  onClose(() => redis.close());
  const pool = openPool(postgres.url, { max: config.poolMax, applicationName: "sluice", log });
  onClose(() => pool.end());
  log.event("database.opened", { store: postgres.kind });
  await bootstrap({ pool, config, log, jobTypes });
  const marker = await keepRestoreStop(pool, newId);
  if (marker !== undefined) log.event("restore.stopped", { restore: marker.id });
  const tightening = await followTightening({ database: pool, jobTypes, config, log });
  onClose(() => Promise.resolve(tightening.stop()));
  const listener = new Listener(postgres.url, { applicationName: "sluice-control", log });
  onClose(() => listener.stop());
  await listener.start();
  const life = new ProcessLife({
    listener,
    newId,
    roles: config.roles,
    concurrency: config.roles.includes("worker") ? config.concurrency : 0,
    leaseMs: config.processLeaseMs,
    log,
  });
  await life.start();
  onClose(() => life.end());
  const flags = new Flags({
    listener,
    process: life,
    clock: systemClock,
    permissionMs: config.permissionMs,
    rampMs: config.rampMs,
    log,
  });
  await flags.start();
  onClose(() => Promise.resolve(flags.stop()));
  const backend = await openQueueBackend({
    redis,
    postgresUrl: postgres.url,
    prefix: config.queuePrefix,
    log,
  });
  onClose(() => backend.close());
  const warnings = [
    ...haltedText(marker, flags.find("stop", "global", "")),
    ...(redis.kind === "none" ? [] : redis.report.warnings.map((warning) => warning.message)),
  ];
  const describe = { postgres: postgres.describe, queue: backend.describe, warnings };
  return {
    config,
    log,
    clock: systemClock,
    newId,
    pool,
    listener,
    life,
    flags,
    backend,
    jobTypes,
    tightening,
    describe,
    close,
  };
}
