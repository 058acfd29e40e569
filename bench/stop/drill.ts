// One drill: everything is stopped under full load, the simulator's log says when the last call began, and the provider's list whether
// every message batch was canceled. A start is the arrival of a request line at the simulator; the clock begins before the commit.

import { lift, requireStop, stop, type StopDeps } from "../../src/control/stops.ts";
import { readReceipt } from "../../src/control/stop-receipt.ts";
import { installationTenantId } from "../../src/domain/ids.ts";
import { silentLog } from "../../src/observe/log.ts";
import { callsRunning, readLog, type Fleet } from "./fleet.ts";

const completeMaxMs = 120_000;
/** A permission lasts three seconds; a process that was frozen for longer has none when it goes on. */
const frozenMs = 4_000;
const paidPaths = new Set(["/v1/messages", "/v1/messages/batches", "/v1/messages/count_tokens"]);

export interface DrillEnd {
  /** From the stop to the last start, or of a frozen drill from its going on; 0: none began. */
  readonly lastStartMs: number;
  readonly aborted: number;
  readonly batchesCanceled: number;
}

/** Stops, checks and lifts. `frozenPid`: a process that stands still while the stop is set, and goes on afterwards. */
export async function drill(fleet: Fleet, frozenPid: number | null): Promise<DrillEnd> {
  const deps: StopDeps = { database: fleet.db, log: silentLog };
  const act = { actor: "bench", reason: "drill" };
  const before = (await readLog(fleet.simulator, "limit=1")).total;
  if (frozenPid !== null) process.kill(frozenPid, "SIGSTOP");
  let sinceMs = Date.now();
  const { id } = await stop(
    deps,
    { scope: "global", target: "", mode: "abort_and_cancel" },
    { ...act, tenantId: installationTenantId },
  );
  if (frozenPid !== null) {
    await sleep(frozenMs);
    const early = await readReceipt(fleet.db, await requireStop(deps, id, null));
    if (early.state === "complete") throw new Error("the stop was complete while a process was frozen");
    sinceMs = Date.now();
    process.kill(frozenPid, "SIGCONT");
  }
  const receipt = await waitUntilComplete(fleet, deps, id);
  const batchesCanceled = await requireCanceled(fleet);
  await requireQuiet(fleet);
  const lastMs = await lastStart(fleet, before);
  await lift(deps, id, { ...act, tenantId: null });
  return { lastStartMs: Math.max(0, lastMs - sinceMs), aborted: receipt.callsAborted, batchesCanceled };
}

async function waitUntilComplete(fleet: Fleet, deps: StopDeps, id: string) {
  const givenUpAt = performance.now() + completeMaxMs;
  for (;;) {
    const receipt = await readReceipt(fleet.db, await requireStop(deps, id, null));
    if (receipt.state === "complete") return receipt;
    if (performance.now() > givenUpAt)
      throw new Error(`the stop is not complete: ${receipt.unconfirmed} unconfirmed`);
    await sleep(50);
  }
}

/** Every message batch at the provider has been asked to end; answers how many were canceled so far. */
async function requireCanceled({ simulator }: Fleet): Promise<number> {
  let canceled = 0;
  for (let after = ""; ;) {
    const answer = await fetch(`${simulator.url}/v1/messages/batches?limit=100${after}`, {
      headers: { authorization: "Bearer simulated", "anthropic-version": "2026-10-21" },
    });
    const page = (await answer.json()) as {
      data: { id: string; processing_status: string; cancel_initiated_at: string | null }[];
      has_more: boolean;
      last_id: string | null;
    };
    const runs = page.data.find(({ processing_status: status }) => status === "in_progress");
    if (runs !== undefined) throw new Error(`${runs.id} goes on after the stop was complete`);
    canceled += page.data.filter(({ cancel_initiated_at: at }) => at !== null).length;
    if (!page.has_more) return canceled;
    after = `&after_id=${page.last_id ?? ""}`;
  }
}

/** The sockets of aborted calls are closed: nothing is under way at the provider. */
async function requireQuiet({ simulator }: Fleet): Promise<void> {
  for (let look = 0; look < 40; look += 1) {
    if ((await callsRunning(simulator)) === 0) return;
    await sleep(50);
  }
  throw new Error("calls are still under way after the stop was complete");
}

/** When the last call that costs money began, in Unix milliseconds; 0: none since. */
async function lastStart({ simulator }: Fleet, since: number): Promise<number> {
  let last = 0;
  for (let from: number | null = since; from !== null;) {
    const page = await readLog(simulator, `since=${from}&limit=10000&method=POST`);
    for (const { path, received_ms: at } of page.requests) if (paidPaths.has(path)) last = Math.max(last, at);
    from = page.next;
  }
  return last;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
