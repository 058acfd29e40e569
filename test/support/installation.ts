// A whole installation for end-to-end tests: a database of its own, a queue backend, the simulator over HTTP, and one or more
// processes of Sluice in this one. What only real processes can show (kills, signals) starts them through support/processes.ts.

import pg from "pg";
import { parseConfig } from "../../src/config/config.ts";
import type { Config } from "../../src/config/config.ts";
import { silentLog } from "../../src/observe/log.ts";
import type { Log } from "../../src/observe/log.ts";
import { startService } from "../../src/processes/service.ts";
import type { Service } from "../../src/processes/service.ts";
import type { QueueBackendKind } from "../../src/queue/backend.ts";
import type { SimulatorOptions } from "../../src/simulator/options.ts";
import { startSimulator } from "../../src/simulator/server.ts";
import type { Simulator } from "../../src/simulator/server.ts";
import { cloneDatabase, redisFor } from "./stores.ts";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Installation {
  simulator: Simulator;
  /** The environment its processes run in; a child process is given the same. */
  environment: Readonly<Record<string, string>>;
  config: Config;
  databaseUrl: string;
  /** One connection for looking at the truth. */
  db: pg.Client;
  /** Starts a process of it; closed with the installation at the latest. */
  start(overrides?: Record<string, string>, log?: Log): Promise<Service>;
  close(): Promise<void>;
}

export interface InstallationOptions {
  backend?: QueueBackendKind;
  simulator?: SimulatorOptions;
  /** Settings by their environment names. */
  settings?: Record<string, string>;
}

/** Patient enough for a busy machine, quick enough for a test. */
const testSettings = {
  SLUICE_PORT: "0",
  SLUICE_LOG_LEVEL: "silent",
  SLUICE_REQUESTS_PER_MINUTE: "100000",
  SLUICE_RETRY_BASE_MS: "20",
  SLUICE_RETRY_CAP_MS: "200",
  SLUICE_BATCH_LINGER_MS: "200",
  SLUICE_POLL_MIN_MS: "100",
  SLUICE_POLL_MAX_MS: "500",
  // A test that is about ceilings sets its own.
  SLUICE_UNBUDGETED: "allow",
};

export async function openInstallation(options: InstallationOptions = {}): Promise<Installation> {
  const database = await cloneDatabase();
  const simulator = await startSimulator({ profile: "fast", ...options.simulator });
  const redis = redisFor("e2e");
  const dataDir = mkdtempSync(join(tmpdir(), "sluice-e2e-"));
  const backend = options.backend ?? "redis";
  const environment = {
    ...testSettings,
    DATABASE_URL: database.url,
    SLUICE_QUEUE: backend,
    ...(backend === "redis" && { REDIS_URL: redis.url, SLUICE_QUEUE_PREFIX: redis.prefix }),
    SLUICE_DATA_DIR: dataDir,
    SLUICE_PROVIDER_URL: simulator.url,
    ...options.settings,
  };
  const db = new pg.Client({ connectionString: database.url });
  await db.connect();
  const services: Service[] = [];
  return {
    simulator,
    environment,
    config: parseConfig(environment),
    databaseUrl: database.url,
    db,
    start: async (overrides = {}, log = silentLog) => {
      const service = await startService(parseConfig({ ...environment, ...overrides }), log);
      services.push(service);
      return service;
    },
    close: async () => {
      await Promise.all(services.map((service) => service.close()));
      await db.end();
      await simulator.close();
      await database.drop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
