// One drill: everything is stopped under full load, the simulator's log says when the last call began and whether the aborted ones lost
// their sockets, and its list whether every message batch was canceled.
//
// A start is the arrival of a request line at the simulator. The clock begins right before the commit is asked for, so that
// what is measured is at least what is promised. Both clocks are this machine's.

import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { newId } from "../../src/config/ids.ts";
import { advanceStop, lift, requireStop, type StopDeps } from "../../src/control/stops.ts";
import { readReceipt, type StopReceipt } from "../../src/control/stop-receipt.ts";
import { installationTenantId } from "../../src/domain/ids.ts";
import { silentLog } from "../../src/observe/log.ts";
import { setStop } from "../../src/postgres/stops.ts";
import type { Fleet, Upload } from "./fleet.ts";
import {
  changeUploadSpeed,
  readMark,
  requireCanceled,
  runningCalls,
  startsSince,
  uploadsAt,
} from "./provider.ts";

const completeMaxMs = 60_000;
/** How long the uploads under way go on slowly after the commit; then the rest of them is taken at once, and the stop can complete. */
const slowAfterMs = 1_200;
/** A permission lasts three seconds; a process that was frozen for longer has none when it goes on. */
const frozenMs = 3_500;
const socketsClosedMaxMs = 2_000;
/** After it no process that is not frozen may start anything: in a drill with a frozen one it is a condition. */
const unfrozenMaxMs = 1_000;

export interface DrillEnd {
  /** From the stop to the last start, or of a frozen drill from its going on; 0: none began. */
  readonly lastStartMs: number;
  /** Processes whose upload was under way at the commit. */
  readonly uploaders: number;
  /** Calls aborted by the receipt, and connections that the provider saw closed. */
  readonly aborted: number;
  readonly closed: number;
  /** How long the commit took; it is part of the time to the last start. */
  readonly commitMs: number;
  /** From the stop to its receipt's completion. */
  readonly completeMs: number;
  /** At the provider, since the first drill. */
  readonly batchesCanceled: number;
}

/** Stops, checks and lifts. `frozenPid`: a process that stands still while the stop is set, and goes on afterwards. */
export async function drill(
  fleet: Fleet,
  uploads: readonly Upload[],
  frozenPid: number | null,
): Promise<DrillEnd> {
  const { simulator } = fleet;
  const deps: StopDeps = { database: fleet.db, log: silentLog };
  const act = { actor: "bench", reason: "drill" };
  const before = await readMark(simulator);
  if (frozenPid !== null) process.kill(frozenPid, "SIGSTOP");
  const { id, stoppedMs, committedMs } = await setStopAt(fleet.db, act);
  // Setting it also asks for cancellations, which may have to wait for a frozen process.
  const setting = advanceStop(deps, id);
  await sleep(slowAfterMs);
  await changeUploadSpeed(simulator, 0);
  const continuedMs = frozenPid === null ? null : await goOn(deps, id, frozenPid, committedMs);
  await setting;
  const receipt = await waitUntilComplete(deps, id);
  const completeMs = Date.now() - stoppedMs;
  const batchesCanceled = await requireCanceled(simulator);
  await requireQuiet(fleet);
  const closed = (await readMark(simulator)).broken - before.broken;
  const starts = await startsSince(simulator, before.number);
  const spanning = await uploadsAt(simulator, committedMs);
  await lift(deps, id, { ...act, tenantId: null });
  return {
    lastStartMs: lastAfter(starts, stoppedMs, continuedMs),
    uploaders: new Set(
      uploads.filter(({ batchId }) => spanning.has(batchId)).map((upload) => upload.processId),
    ).size,
    aborted: receipt.callsAborted,
    closed,
    commitMs: committedMs - stoppedMs,
    completeMs,
    batchesCanceled,
  };
}

/** Stops everything as `stop` does, in a transaction whose commit is timed: what is measured begins right before it is asked for. */
async function setStopAt(
  db: pg.Pool,
  act: { actor: string; reason: string },
): Promise<{ id: string; stoppedMs: number; committedMs: number }> {
  const id = newId();
  const client = await db.connect();
  try {
    await client.query("BEGIN");
    const wish = { scope: "global", target: "", mode: "abort_and_cancel" } as const;
    await setStop(client, { id, tenantId: installationTenantId, ...wish, ...act });
    const stoppedMs = Date.now();
    await client.query("COMMIT");
    return { id, stoppedMs, committedMs: Date.now() };
  } finally {
    client.release();
  }
}

/** Lets a frozen process go on when its permission has ended; answers when. */
async function goOn(deps: StopDeps, id: string, pid: number, committedMs: number): Promise<number> {
  await sleep(Math.max(0, committedMs + frozenMs - Date.now()));
  const early = await readReceipt(deps.database, await requireStop(deps, id, null));
  if (early.state === "complete") throw new Error("the stop was complete while a process was frozen");
  const continuedMs = Date.now();
  process.kill(pid, "SIGCONT");
  return continuedMs;
}

async function waitUntilComplete(deps: StopDeps, id: string): Promise<StopReceipt> {
  const givenUpAt = performance.now() + completeMaxMs;
  for (;;) {
    const row = await requireStop(deps, id, null);
    if (row.completed_at !== null) return readReceipt(deps.database, row);
    if (performance.now() > givenUpAt) {
      const { unconfirmed, callsInFlight, batches } = await readReceipt(deps.database, row);
      const standings = batches.map(({ standing }) => standing).join(", ");
      throw new Error(
        `the stop is not complete: ${unconfirmed} unconfirmed, ${callsInFlight} calls, ${standings}`,
      );
    }
    await sleep(50);
  }
}

/** The sockets of aborted calls are closed: nothing is under way at the provider. */
async function requireQuiet({ simulator }: Fleet): Promise<void> {
  const givenUpAt = performance.now() + socketsClosedMaxMs;
  for (;;) {
    const running = await runningCalls(simulator);
    if (running.calls + running.creates === 0) return;
    if (performance.now() > givenUpAt)
      throw new Error(`${running.calls} calls are under way after the stop was complete`);
    await sleep(20);
  }
}

/** From the stop to the last start; of a drill with a frozen process from its going on, and before that only within a second. */
function lastAfter(starts: readonly number[], stoppedMs: number, continuedMs: number | null): number {
  const since = continuedMs ?? stoppedMs;
  const early = starts.filter(
    (at) => continuedMs !== null && at > stoppedMs + unfrozenMaxMs && at < continuedMs,
  );
  if (early.length > 0)
    throw new Error(`${early.length} calls began while a process was frozen, a second after the stop`);
  return starts.reduce((last, at) => Math.max(last, at - since), 0);
}
