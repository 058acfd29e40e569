// Promise 4: stop means stop. When a stop is complete, no process starts another call in its scope; calls in flight are aborted
// and message batches canceled where that is asked; a frozen process keeps it open until it has acknowledged.
//
// One installation of real processes. What counts as a start is a request line that the simulator has received.

import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { ReceiptDocument } from "../../src/control/stop-document.ts";
import { documentOf, run } from "../cli/cli.ts";
import { processIdOf } from "../support/processes.ts";
import type { SluiceProcess } from "../support/processes.ts";
import { judge, judgeEnd } from "../support/referee.ts";
import { setBudget } from "../support/submit.ts";
import { waitFor } from "../support/wait.ts";
import { openFleet, questions, waitForRest } from "./fleet.ts";
import type { Fleet } from "./fleet.ts";
import { batchesTake, bringToAcceptance, bringToPoll, countSucceeded, hourMs } from "./phases.ts";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

let fleet: Fleet;
let workers: SluiceProcess[];
beforeAll(async () => {
  fleet = await openFleet({ settings: { SLUICE_BATCH_CREATE_TIMEOUT_MS: "3000" } });
  const [, , ...started] = await Promise.all([
    fleet.join("dispatcher"),
    fleet.join("batcher"),
    fleet.join("worker"),
    fleet.join("worker"),
  ]);
  workers = started;
  await setBudget(fleet.db, 1_000_000_000_000n);
});
afterAll(async () => {
  await fleet.end();
  await judgeEnd(fleet.db);
  await fleet.close();
});
afterEach(async () => {
  for (const worker of workers) process.kill(worker.pid, "SIGCONT");
  // A test that fails half way leaves its stop; the others are not to wait for it.
  await fleet.db.query("UPDATE flags SET lifted_at = now(), lifted_by = 'test' WHERE lifted_at IS NULL");
});
beforeEach(() => {
  fleet.simulator.world.faults.clear(null);
  fleet.simulator.world.behaviour.latencyMs = { min: 5, max: 25 };
  batchesTake(fleet, 300);
});

const now = "type=classify-intent&urgency=now";
const whenever = "type=classify-intent&urgency=whenever";
const patient = { timeoutMs: 30_000, everyMs: 50 };

async function post(path: string, body: object, status: number): Promise<ReceiptDocument> {
  const headers = { "content-type": "application/json" };
  const answer = await fleet.operator.send(path, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await answer.text();
  expect(answer.status, text).toBe(status);
  return JSON.parse(text) as ReceiptDocument;
}
const stop = (wish: object): Promise<ReceiptDocument> => post("/v1/stops", { reason: "test", ...wish }, 201);
const lift = ({ id }: ReceiptDocument): Promise<ReceiptDocument> =>
  post(`/v1/stops/${id}/lift`, { reason: "the test is over" }, 200);
async function receipt({ id }: Pick<ReceiptDocument, "id">): Promise<ReceiptDocument> {
  return (await (await fleet.operator.send(`/v1/stops/${id}`)).json()) as ReceiptDocument;
}
const completed = (set: ReceiptDocument): Promise<ReceiptDocument> =>
  waitFor(
    "the stop to be complete",
    async () => {
      const read = await receipt(set);
      return read.state === "complete" ? read : null;
    },
    patient,
  );

interface Logged {
  readonly number: number;
  readonly endpoint: string;
  readonly ended: string;
  readonly received_ms: number;
}
/** The starts that the simulator has received since a moment, by its own clock of real time. */
function startsSince(ms: number): Logged[] {
  const view = fleet.simulator.world.log.view({
    path: "/v1/messages",
    method: "POST",
    since: 0,
    limit: 100_000,
  });
  const requests = view["requests"] as Logged[];
  return requests.filter(
    ({ endpoint, received_ms: at }) =>
      at >= ms && (endpoint === "POST /v1/messages" || endpoint === "POST /v1/messages/batches"),
  );
}
async function numberOf(text: string, values: unknown[] = []): Promise<number> {
  const { rows } = await fleet.db.query<{ n: string }>(text, values);
  return Number(rows[0]?.n ?? 0);
}
const inFlight = (): number =>
  Number(fleet.simulator.world.log.view({ path: null, method: null, since: 0, limit: 1 })["running"]);
/** Long enough for whatever was on its way: two reads of the flags, with work waiting all the time. */
const twoLooks = async (): Promise<void> => {
  const seen = performance.now();
  await waitFor("two looks", () => performance.now() - seen > 1_500, patient);
};

test("a stop under load: sockets close, nothing starts after it is complete, and lifting it brings all to its end", async () => {
  fleet.simulator.world.behaviour.latencyMs = { min: 3_000, max: 4_000 };
  const bulk = await fleet.caller.submit(now, questions(300));
  await waitFor("calls in flight at both workers", () => inFlight() >= 30, patient);
  const set = await stop({ scope: "global", mode: "abort" });
  const setMs = Date.parse(set.set_at ?? "");
  const done = await completed(set);
  const completeMs = Date.parse(done.completed_at ?? "");
  // Work waits, and more of it comes in.
  await fleet.caller.submit(now, questions(50, "wallet"));
  await fleet.caller.submit(whenever, questions(50, "purse"));
  await twoLooks();
  expect(startsSince(completeMs)).toEqual([]);
  expect(startsSince(setMs + 1_000)).toEqual([]);
  expect(done).toMatchObject({ unconfirmed: 0, scope: "global", target: null, mode: "abort" });
  expect(done.processes.map(({ state }) => state)).toEqual(done.processes.map(() => "acknowledged"));
  expect(done.processes.length).toBeGreaterThanOrEqual(5);
  expect(done.calls.in_flight).toBe(0);
  expect(done.calls.aborted).toBeGreaterThanOrEqual(20);
  const broken = startsSince(0).filter(({ ended }) => ended === "broken");
  expect(broken.length).toBeGreaterThanOrEqual(done.calls.aborted * 0.9);
  const called = done.processes.filter((one) => one.last_call_at !== null);
  expect(called).toHaveLength(2);
  for (const one of called) expect(Date.parse(one.last_call_at ?? "")).toBeLessThanOrEqual(completeMs);
  const read = await receipt(set);
  expect(read.may_still_cost_usd).toBe("0.00");
  expect(read.jobs_waiting).toBeGreaterThanOrEqual(300);
  expect(await numberOf("SELECT count(*) AS n FROM jobs WHERE state = 'running'")).toBe(0);

  // It comes back gently: two workers could make forty calls at once, and do not in the first second.
  fleet.simulator.world.behaviour.latencyMs = { min: 800, max: 900 };
  const liftedMs = Date.now();
  expect(await lift(set)).toMatchObject({ state: "lifted", lifted_by: "person:operator" });
  await twoLooks();
  const first = startsSince(liftedMs).filter(({ received_ms: at }) => at < liftedMs + 1_000);
  expect(first.length).toBeLessThanOrEqual(15);
  expect(startsSince(liftedMs).length).toBeGreaterThan(0);
  fleet.simulator.world.behaviour.latencyMs = { min: 5, max: 25 };
  await waitForRest(fleet);
  expect(await countSucceeded(fleet.db, bulk)).toBe(300);
  await judge(fleet.db, fleet.simulator);
});

test("a draining stop waits for the calls in flight; a narrower stop can be set inside it", async () => {
  fleet.simulator.world.behaviour.latencyMs = { min: 2_000, max: 2_500 };
  const bulk = await fleet.caller.submit(now, questions(100));
  await waitFor("calls in flight", () => inFlight() >= 20, patient);
  const set = await stop({ scope: "global", mode: "drain" });
  expect(set.state).toBe("stopping");
  expect(set.calls.in_flight).toBeGreaterThan(0);
  const narrower = await stop({ scope: "bulk", target: bulk, mode: "drain" });
  const done = await completed(set);
  expect(done.calls).toMatchObject({ in_flight: 0, aborted: 0 });
  expect(await countSucceeded(fleet.db, bulk)).toBeGreaterThan(0);
  await lift(set);
  await twoLooks();
  expect(startsSince(Date.parse(done.completed_at ?? ""))).toEqual([]);
  fleet.simulator.world.behaviour.latencyMs = { min: 5, max: 25 };
  await lift(narrower);
  await waitForRest(fleet);
  expect(await countSucceeded(fleet.db, bulk)).toBe(100);
  await judge(fleet.db, fleet.simulator);
});

test("a frozen worker keeps the stop unconfirmed, also beyond its lease, and starts nothing when it goes on", async () => {
  const [frozen, other] = workers;
  if (frozen === undefined || other === undefined) throw new Error("two workers were started");
  fleet.simulator.world.behaviour.latencyMs = { min: 1_000, max: 1_500 };
  await fleet.caller.submit(now, questions(400, "frozen"));
  await waitFor("calls in flight", () => inFlight() >= 30, patient);
  const frozenId = await processIdOf(fleet.db, frozen);
  process.kill(frozen.pid, "SIGSTOP");
  const set = await stop({ scope: "queue", target: "default", shared: false, mode: "abort" }).catch(() =>
    stop({ scope: "tenant", target: "default", mode: "abort" }),
  );
  const reaped = "SELECT count(*) AS n FROM processes WHERE id = $1 AND reaped_at IS NOT NULL";
  await waitFor("the frozen worker to be declared dead", () => numberOf(reaped, [frozenId]), patient);
  await waitFor("its calls to be booked", async () => (await receipt(set)).calls.in_flight === 0, patient);
  const stopping = await receipt(set);
  expect(stopping).toMatchObject({ state: "stopping", unconfirmed: 1 });
  expect(stopping.processes.find(({ id }) => id === frozenId)?.state).toBe("unconfirmed");

  process.kill(frozen.pid, "SIGCONT");
  const goneOnMs = Date.now();
  const done = await completed(set);
  expect(["again", "acknowledged"]).toContain(done.processes.find(({ id }) => id === frozenId)?.state);
  await twoLooks();
  expect(startsSince(goneOnMs + 1_000)).toEqual([]);
  expect(startsSince(Date.parse(done.completed_at ?? ""))).toEqual([]);
  fleet.simulator.world.behaviour.latencyMs = { min: 5, max: 25 };
  await lift(set);
  await waitForRest(fleet);
  await judge(fleet.db, fleet.simulator);
});

test("a killed worker is confirmed dead once its lease has ended", async () => {
  const victim = await fleet.join("worker");
  const victimId = await processIdOf(fleet.db, victim);
  await victim.kill();
  const set = await stop({ scope: "global", mode: "abort" });
  const done = await completed(set);
  expect(done.processes.find(({ id }) => id === victimId)?.state).toBe("permission_ended");
  await lift(set);
  await waitForRest(fleet);
  await judge(fleet.db, fleet.simulator);
});

test("a drill under load: quiet within seconds, no start after it, and who did it stands in the audit trail", async () => {
  fleet.simulator.world.behaviour.latencyMs = { min: 1_000, max: 1_500 };
  const environment = { ...fleet.environment, SLUICE_URL: fleet.url };
  const ran = await run(["drill", "--json"], { environment });
  expect(ran, ran.stderr).toMatchObject({ code: 0 });
  const report = documentOf(ran) as { stop: string; at: string; quiet_ms: number; in_flight: number };
  expect(report).toMatchObject({
    complete: true,
    unconfirmed: 0,
    by: "person:operator",
    batches_in_flight: 0,
  });
  expect(report.in_flight).toBeGreaterThan(0);
  expect(startsSince(Date.parse(report.at) + report.quiet_ms)).toEqual([]);
  const { rows } = await fleet.db.query(
    "SELECT actor, act, detail->>'reason' AS reason FROM audit_events WHERE detail->>'flag' = $1 ORDER BY id",
    [report.stop],
  );
  expect(rows).toEqual([
    { actor: "person:operator", act: "stop.set", reason: "drill" },
    { actor: "person:operator", act: "stop.lifted", reason: "the drill is over" },
  ]);
  await waitForRest(fleet);
  await judge(fleet.db, fleet.simulator);
});

test("message batches are canceled at the provider, one whose creation waits for its answer as soon as its id is known, and what they have computed is harvested", async () => {
  const { simulator, db, caller } = fleet;
  const stage = { simulator, db, submit: (lines: number) => caller.submit(whenever, questions(lines)) };
  const polled = await bringToPoll(stage, 1_001);
  batchesTake(fleet, hourMs);
  const creating = await bringToAcceptance(stage, 1_002);
  const set = await stop({ scope: "global", mode: "abort_and_cancel" });
  await waitFor(
    "both to be canceled",
    () => simulator.world.batches.all().filter(({ cancel }) => cancel !== null).length === 2,
    patient,
  );
  const done = await completed(set);
  expect(done.batches.list.filter(({ lines }) => lines > 1_000)).toHaveLength(2);
  const rest = await waitFor(
    "all results to be booked",
    async () => {
      const read = await receipt(set);
      return read.may_still_cost_usd === "0.00" ? read : null;
    },
    patient,
  );
  expect(rest.batches.count).toMatchObject({ ended: 2, canceling: 0, doubtful: 0 });
  const waits =
    "SELECT count(*) AS n FROM jobs WHERE bulk_id = ANY ($1) AND state = 'queued' AND wait_reason = 'stop'";
  expect(await numberOf(waits, [[polled, creating]])).toBeGreaterThan(0);
  batchesTake(fleet, 300);
  await lift(set);
  await waitForRest(fleet);
  expect(await countSucceeded(db, polled)).toBe(1_001);
  expect(await countSucceeded(db, creating)).toBe(1_002);
  await judge(db, simulator);
});
