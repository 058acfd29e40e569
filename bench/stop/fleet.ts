// What the drills are held on: three processes that call and send message batches, a provider that takes seconds for a call and reads
// uploads as slowly as a real network brings them, and more work than they can get done.

import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { submitBulk, setBudget } from "../../test/support/submit.ts";
import { startSide, startSimulatorProcess } from "../children.ts";
import type { Side, SimulatorProcess } from "../children.ts";
import { inputsOf, labels } from "../realtime/inputs.ts";
import type { BenchDatabase, BenchStores } from "../stores.ts";
import { changeUploadSpeed, runningCalls } from "./provider.ts";

const processes = 3;
/** 67 by three: two hundred calls at once. */
const concurrency = 67;
const callsInFlight = 200;
/** Below it more are submitted. */
const realtimeWaitingMin = 1_000;
const realtimeBulk = 4_000;
/** Lines of 18 KB, three hundred to a batch: 5 MB, of which socket buffers hold a part, in almost four seconds. */
const lineChars = 18_000;
const batchLines = 300;
const uploadBytesPerS = 1_400_000;
/** Batches that wait to be sent: which process takes which is chance, so there are several for each of its two places. */
const batchesWaitingMin = 6;
const batchBulk = 9 * batchLines;
/** After a lift work comes back within it; ten seconds is the default, and here it is waited for a hundred times. */
const rampMs = "500";
const simulatorArgs = ["--profile", "fast", "--latency", "2000-4000", "--batch-duration", "600000"];
const loadedMaxMs = 180_000;

export interface Upload {
  readonly batchId: string;
  readonly processId: string;
}

export interface Fleet {
  readonly db: pg.Pool;
  readonly sides: readonly Side[];
  readonly simulator: SimulatorProcess;
  /** Resolves when as many calls as there are places are in flight and every process uploads a message batch: with those uploads. */
  loaded(): Promise<readonly Upload[]>;
  close(): Promise<void>;
}

export async function openFleet(stores: BenchStores): Promise<Fleet> {
  const database = await stores.open("redis");
  const simulator = await startSimulatorProcess([...simulatorArgs, "--upload-rate", String(uploadBytesPerS)]);
  const db = new pg.Pool({ connectionString: database.url, max: 5 });
  const sides: Side[] = [];
  const close = () => closeAll(sides, simulator, db, database);
  try {
    for (let index = 0; index < processes; index += 1)
      sides.push(
        await startSide("bench/sides/lane.ts", {
          ...database.environment,
          SLUICE_PROVIDER_URL: simulator.url,
          SLUICE_REQUESTS_PER_MINUTE: "12000",
          // A hundred stops in ten minutes are no ordinary work: its repetitions would look like a runaway.
          SLUICE_BREAKER_RETRY_PCT: "0",
          SLUICE_BREAKER_FAILURE_PCT: "0",
          SLUICE_CONCURRENCY: String(concurrency),
          SLUICE_BATCH_LINES_MAX: String(batchLines),
          SLUICE_BATCH_LINGER_MS: "500",
          SLUICE_POLL_MIN_MS: "200",
          SLUICE_POLL_MAX_MS: "1000",
          SLUICE_RAMP_MS: rampMs,
          // Every aborted call is a warning.
          SLUICE_LOG_LEVEL: "error",
          // The second takes over while the first is frozen.
          SLUICE_ROLES: index < 2 ? "dispatcher,worker,batcher" : "worker,batcher",
        }),
      );
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await setBudget(client, 1_000_000_000_000_000n);
    await client.end();
  } catch (error) {
    await close();
    throw error;
  }
  return { db, sides, simulator, loaded: () => waitUntilLoaded(db, database.url, simulator), close };
}

async function closeAll(
  sides: readonly Side[],
  simulator: SimulatorProcess,
  db: pg.Pool,
  database: BenchDatabase,
): Promise<void> {
  // What is being sent is waited for by whoever sends it.
  await changeUploadSpeed(simulator, 0).catch(() => undefined);
  await Promise.all(sides.map((side) => side.close()));
  await simulator.close();
  await db.end();
  await database.drop();
}

/** What is under way and what waits, in the rows. */
const loadQuery = `SELECT (SELECT coalesce(json_agg(json_build_object('batchId', id, 'processId', process_id)), '[]') FROM message_batches
           WHERE state = 'creating') AS uploads,
         (SELECT count(*)::int FROM jobs WHERE lane = 'realtime' AND state IN ('queued', 'dispatched')) AS calls_waiting,
         (SELECT count(*)::int FROM message_batches WHERE state = 'intent')
         + (SELECT count(*)::int FROM jobs WHERE lane = 'batch' AND state = 'queued') / ${batchLines} AS batches_waiting`;

interface Load {
  readonly uploads: readonly Upload[];
  readonly uploaders: number;
  readonly callsWaiting: number;
  readonly batchesWaiting: number;
}

async function readLoad(db: pg.Pool): Promise<Load> {
  const { rows } = await db.query<{ uploads: Upload[]; calls_waiting: number; batches_waiting: number }>(
    loadQuery,
  );
  const [row] = rows;
  if (row === undefined) throw new Error("a sum without a row");
  const uploaders = new Set(row.uploads.map(({ processId }) => processId)).size;
  return {
    uploads: row.uploads,
    uploaders,
    callsWaiting: row.calls_waiting,
    batchesWaiting: row.batches_waiting,
  };
}

async function waitUntilLoaded(
  db: pg.Pool,
  databaseUrl: string,
  simulator: SimulatorProcess,
): Promise<readonly Upload[]> {
  await changeUploadSpeed(simulator, uploadBytesPerS);
  const givenUpAt = performance.now() + loadedMaxMs;
  for (;;) {
    const running = await runningCalls(simulator);
    const load = await readLoad(db);
    const uploading = load.uploaders === processes && running.creates >= processes;
    if (uploading && running.calls >= callsInFlight) return load.uploads;
    await topUp(databaseUrl, load);
    if (performance.now() > givenUpAt)
      throw new Error(
        `no load: ${load.uploaders} of ${processes} processes are uploading, ${running.calls} calls in flight`,
      );
    await sleep(20);
  }
}

async function topUp(databaseUrl: string, load: Load): Promise<void> {
  if (load.callsWaiting < realtimeWaitingMin)
    await submitBulk(databaseUrl, { lane: "realtime", inputs: inputsOf(realtimeBulk), shared: { labels } });
  if (load.batchesWaiting < batchesWaitingMin && load.uploaders < processes)
    await submitBulk(databaseUrl, { lane: "batch", inputs: longInputs(batchBulk), shared: { labels } });
}

const longInputs = (jobs: number): Record<string, unknown>[] =>
  inputsOf(jobs).map(({ text }) => {
    const sentence = `${String(text)} `;
    return {
      text: sentence
        .repeat(Math.ceil(lineChars / sentence.length))
        .slice(0, lineChars)
        .trim(),
    };
  });
