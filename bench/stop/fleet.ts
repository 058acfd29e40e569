// What the drills are held on: three processes that call and send message batches, a provider that takes seconds for a call, and more
// work than they can get done.

import pg from "pg";
import { submitBulk, setBudget } from "../../test/support/submit.ts";
import { startSide, startSimulatorProcess } from "../children.ts";
import type { Side, SimulatorProcess } from "../children.ts";
import { inputsOf, labels } from "../realtime/inputs.ts";
import type { BenchDatabase, BenchStores } from "../stores.ts";

const processes = 3;
/** 67 by three: two hundred calls at once. */
const concurrency = 67;
const callsInFlight = 200;
/** Below it more are submitted. */
const realtimeWaitingMin = 2_000;
const realtimeBulk = 10_000;
const batchLines = 40_000;
const loadedMaxMs = 120_000;

export interface Fleet {
  readonly db: pg.Pool;
  readonly sides: readonly Side[];
  readonly simulator: SimulatorProcess;
  /** Resolves when as many calls as there are places are in flight and every process is uploading a message batch. */
  loaded(): Promise<void>;
  close(): Promise<void>;
}

export async function openFleet(stores: BenchStores): Promise<Fleet> {
  const database = await stores.open("redis");
  const simulator = await startSimulatorProcess([
    "--profile",
    "fast",
    "--latency",
    "2000-4000",
    "--batch-duration",
    "600000",
  ]);
  const db = new pg.Pool({ connectionString: database.url, max: 5 });
  const sides: Side[] = [];
  try {
    for (let index = 0; index < processes; index += 1)
      sides.push(
        await startSide("bench/sides/lane.ts", {
          ...database.environment,
          SLUICE_PROVIDER_URL: simulator.url,
          SLUICE_REQUESTS_PER_MINUTE: "1000000",
          SLUICE_CONCURRENCY: String(concurrency),
          SLUICE_ROLES: index === 0 ? "dispatcher,worker,batcher" : "worker,batcher",
        }),
      );
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await setBudget(client, 1_000_000_000_000_000n);
    await client.end();
    await submitBulk(database.url, { lane: "batch", inputs: inputsOf(batchLines), shared: { labels } });
  } catch (error) {
    await closeAll(sides, simulator, db, database);
    throw error;
  }
  return {
    db,
    sides,
    simulator,
    loaded: () => waitUntilLoaded(db, database.url, simulator),
    close: () => closeAll(sides, simulator, db, database),
  };
}

async function closeAll(
  sides: readonly Side[],
  simulator: SimulatorProcess,
  db: pg.Pool,
  database: BenchDatabase,
): Promise<void> {
  await Promise.all(sides.map((side) => side.close()));
  await simulator.close();
  await db.end();
  await database.drop();
}

async function waitUntilLoaded(db: pg.Pool, databaseUrl: string, simulator: SimulatorProcess): Promise<void> {
  const givenUpAt = performance.now() + loadedMaxMs;
  for (;;) {
    const { rows } = await db.query<{ uploading: number; waiting: number }>(
      `SELECT (SELECT count(DISTINCT process_id)::int FROM message_batches WHERE state = 'creating') AS uploading,
              (SELECT count(*)::int FROM jobs WHERE lane = 'realtime' AND state = 'queued') AS waiting`,
    );
    const { uploading = 0, waiting = 0 } = rows[0] ?? {};
    if (waiting < realtimeWaitingMin)
      await submitBulk(databaseUrl, { lane: "realtime", inputs: inputsOf(realtimeBulk), shared: { labels } });
    if (uploading === processes && (await callsRunning(simulator)) >= callsInFlight) return;
    if (performance.now() > givenUpAt)
      throw new Error(
        `no load: ${uploading} of ${processes} processes are uploading, ${await callsRunning(simulator)} calls in flight`,
      );
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

interface LogPage {
  readonly total: number;
  readonly running: number;
  readonly requests: readonly {
    readonly number: number;
    readonly received_ms: number;
    readonly path: string;
    readonly method: string;
  }[];
  readonly next: number | null;
}

export const readLog = async (simulator: SimulatorProcess, query: string): Promise<LogPage> =>
  (await (await fetch(`${simulator.url}/_sim/requests?${query}`)).json()) as LogPage;

/** Requests that the provider is at now, uploads included. */
export const callsRunning = async (simulator: SimulatorProcess): Promise<number> =>
  (await readLog(simulator, "limit=1")).running;
