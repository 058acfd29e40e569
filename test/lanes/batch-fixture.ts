// A batch lane for tests: real PostgreSQL, the real SDK against the simulator over HTTP, and one clock for both, the simulator's,
// which tests move. Nothing runs by itself: a test takes the steps, or lets `drive` take whatever is due until all is done.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type pg from "pg";
import { parseConfig } from "../../src/config/config.ts";
import { newId } from "../../src/config/ids.ts";
import { loadJobTypes } from "../../src/config/job-types.ts";
import { limits } from "../../src/config/limits.ts";
import type { Clock } from "../../src/domain/clock.ts";
import { ServiceError } from "../../src/domain/errors.ts";
import type { Gate, GateVerdict } from "../../src/domain/work-scope.ts";
import { batchLaneBounds } from "../../src/lanes/batch/bounds.ts";
import type { BatchLaneDeps } from "../../src/lanes/batch/deps.ts";
import { createBatchLane } from "../../src/lanes/batch/lane.ts";
import type { BatchLane } from "../../src/lanes/batch/lane.ts";
import { createPreparedBulks } from "../../src/lanes/prepared-bulks.ts";
import { silentLog } from "../../src/observe/log.ts";
import { openPool } from "../../src/postgres/pool.ts";
import type { Pool } from "../../src/postgres/pool.ts";
import { bootstrap } from "../../src/processes/bootstrap.ts";
import { createProviderBatches } from "../../src/provider/batches.ts";
import type { ProviderBatches } from "../../src/provider/batches.ts";
import { createProvider } from "../../src/provider/client.ts";
import type { QueueBackend } from "../../src/queue/backend.ts";
import type { SimulatorOptions } from "../../src/simulator/options.ts";
import { startSimulator } from "../../src/simulator/server.ts";
import type { Simulator } from "../../src/simulator/server.ts";
import { cloneDatabase } from "../support/stores.ts";
import { submitBulk } from "../support/submit.ts";

export const labels = ["card_lost", "refund", "change_pin"];
const questions = (count: number, word = "card"): Record<string, unknown>[] =>
  Array.from({ length: count }, (_, n) => ({ text: `I lost my ${word} number ${n}, please help` }));

export interface FixtureOptions {
  simulator?: SimulatorOptions;
  /** Settings by their environment names. */
  settings?: Record<string, string>;
  leaseMs?: number;
  /** Where further job types are. */
  jobsDirs?: readonly string[];
  queueBackend?: QueueBackend;
  /** Stands before the provider's calls, to lose or hold what they answer. */
  intercept?: (batches: ProviderBatches) => ProviderBatches;
}

export interface BatchFixture {
  readonly lane: BatchLane;
  readonly deps: BatchLaneDeps;
  readonly pool: Pool;
  readonly simulator: Simulator;
  readonly databaseUrl: string;
  /** What the gate answers from now on. */
  gate: GateVerdict;
  /** A lane of another process on the same stores. */
  another(overrides?: Partial<BatchLaneDeps>): BatchLane;
  submit(count: number, more?: { word?: string; queue?: string; priority?: number }): Promise<string>;
  /** Time passes, here and at the provider. */
  advance(ms: number): Promise<void>;
  /** Takes every step that is due, moving the clock to the next one, until nothing is under way or waiting. */
  drive(until?: () => Promise<boolean>): Promise<void>;
  readonly rows: <Row extends pg.QueryResultRow>(text: string, values?: unknown[]) => Promise<Row[]>;
  close(): Promise<void>;
}

/** Tests that take the steps themselves have no queue: whoever asks for one is told that it is away. */
const away = (): Promise<never> => Promise.reject(new ServiceError("queue_unavailable"));
const noQueue: QueueBackend = {
  kind: "redis",
  describe: "no queue",
  createQueue: away,
  createWorker: away,
  createQueueEvents: away,
  ping: away,
  close: () => Promise.resolve(),
};

const settings = {
  SLUICE_LOG_LEVEL: "silent",
  SLUICE_BATCH_LINGER_MS: "1000",
  SLUICE_RETRY_BASE_MS: "20",
  SLUICE_RETRY_CAP_MS: "200",
  // A test that is about ceilings sets its own.
  SLUICE_UNBUDGETED: "allow",
};

export async function openBatchFixture(options: FixtureOptions = {}): Promise<BatchFixture> {
  const database = await cloneDatabase();
  const simulator = await startSimulator({ profile: "fast", startMs: Date.now(), ...options.simulator });
  const { clock: virtual } = simulator.world;
  const clock: Clock = { now: () => new Date(virtual.now()), monotonicMs: () => virtual.now() };
  const dataDir = mkdtempSync(join(tmpdir(), "sluice-batch-"));
  const config = parseConfig({
    SLUICE_DATA_DIR: dataDir,
    DATABASE_URL: database.url,
    SLUICE_PROVIDER_URL: simulator.url,
    ...settings,
    ...options.settings,
  });
  const pool = openPool(database.url, { max: 10, applicationName: "test", log: silentLog });
  const jobTypes = await loadJobTypes({ dirs: options.jobsDirs ?? [] });
  await bootstrap({ pool, config, log: silentLog, jobTypes });
  const gate: Gate = () => fixture.gate;
  const provider = createProvider({ baseUrl: simulator.url, apiKey: "test-key", gate, clock });
  const batches = createProviderBatches(provider, {
    controlDeadlineMs: batchLaneBounds.controlDeadlineMs,
    pageSize: batchLaneBounds.listingPageSize,
  });
  const deps: BatchLaneDeps = {
    pool,
    batches: options.intercept?.(batches) ?? batches,
    jobTypes,
    prepared: createPreparedBulks(pool, jobTypes),
    gate,
    widthOf: () => 1,
    queueBackend: options.queueBackend ?? noQueue,
    config,
    clock,
    log: silentLog,
    processId: newId(),
    credentialId: "default",
    random: () => 0.5,
    newId,
    leaseMs: options.leaseMs ?? limits.batchLeaseMs,
  };
  const lane = createBatchLane(deps);
  const rows = async <Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> =>
    (await pool.query<Row>(text, values)).rows;
  const fixture: BatchFixture = {
    lane,
    deps,
    pool,
    simulator,
    databaseUrl: database.url,
    gate: { open: true },
    another: (overrides = {}) => createBatchLane({ ...deps, processId: newId(), ...overrides }),
    submit: (count, { word, ...more } = {}) =>
      submitBulk(database.url, {
        lane: "batch",
        inputs: questions(count, word),
        shared: { labels },
        ...more,
      }),
    advance: (ms) => simulator.advance(ms),
    drive: (until) => drive(fixture, until),
    rows,
    close: async () => {
      await pool.end();
      await provider.close();
      await simulator.close();
      await database.drop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
  return fixture;
}

/** More rounds than any test needs: one that goes round for ever fails and says so. */
const roundsMax = 2_000;

async function drive(
  fixture: BatchFixture,
  until: () => Promise<boolean> = () => atRest(fixture),
): Promise<void> {
  const { lane, simulator, rows } = fixture;
  // oxlint-disable no-await-in-loop -- one step after the other is the point
  for (let round = 0; round < roundsMax; round += 1) {
    if (await until()) return;
    const { dueAt, batchIds } = await lane.collector.runOnce();
    const nowMs = simulator.world.clock.now();
    const open = await rows<{ id: string; due: Date }>(
      `SELECT id, greatest(next_poll_at, lease_until) AS due FROM message_batches
        WHERE state NOT IN ('ingested', 'refused', 'void') ORDER BY due`,
    );
    const due = open.filter((batch) => batch.due.getTime() <= nowMs);
    for (const { id } of due) await lane.runStep(id);
    if (due.length > 0 || batchIds.length > 0) continue;
    const known = Math.min(dueAt?.getTime() ?? Infinity, open[0]?.due.getTime() ?? Infinity);
    const nextMs = known === Infinity ? nowMs + 1_000 : known;
    await fixture.advance(Math.max(nextMs - nowMs, 1));
  }
  // oxlint-enable no-await-in-loop
  throw new Error(
    `nothing came to rest in ${roundsMax} rounds: ${JSON.stringify(await rows("SELECT state, error_code, line_count, poll_failures FROM message_batches"))}`,
  );
}

async function atRest({ rows }: BatchFixture): Promise<boolean> {
  const [row] = await rows<{ rest: boolean }>(
    `SELECT NOT EXISTS (SELECT 1 FROM jobs WHERE finished_at IS NULL)
        AND NOT EXISTS (SELECT 1 FROM message_batches WHERE state NOT IN ('ingested', 'refused', 'void')) AS rest`,
  );
  return row?.rest === true;
}
