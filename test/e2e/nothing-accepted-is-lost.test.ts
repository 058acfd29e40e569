// Promise 3: nothing accepted is lost. A job that got a 202 reaches exactly one outcome, whoever is killed on the way.
//
// One installation of real processes for the whole file, reached over HTTP only. The simulator is here, so that a test can see how
// far a call has come and kill its caller at that point. Each test leaves the installation at rest, and the referee judges it whole.

// oxlint-disable no-await-in-loop -- one blow after the other
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { processIdOf } from "../support/processes.ts";
import type { SluiceProcess } from "../support/processes.ts";
import { startProxy } from "../support/proxy.ts";
import { judge, judgeEnd } from "../support/referee.ts";
import { setBudget } from "../support/submit.ts";
import { waitFor } from "../support/wait.ts";
import { acceptedBulk, openFleet, questions, waitForRest } from "./fleet.ts";
import type { Fleet } from "./fleet.ts";
import {
  batchesTake,
  bringToAcceptance,
  bringToIngest,
  bringToPoll,
  countSucceeded,
  countsSucceeded,
  letGo,
  resultsPath,
  statesOf,
} from "./phases.ts";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

let fleet: Fleet;
let dispatcher: SluiceProcess;
let batcher: SluiceProcess;
beforeAll(async () => {
  fleet = await openFleet();
  [dispatcher, batcher] = await Promise.all([
    fleet.join("dispatcher"),
    fleet.join("batcher"),
    fleet.join("worker"),
  ]);
  await setBudget(fleet.db, 1_000_000_000_000n);
});
afterAll(async () => {
  await fleet.end();
  await judgeEnd(fleet.db);
  await fleet.close();
});
beforeEach(() => {
  fleet.simulator.world.faults.clear(null);
  fleet.simulator.world.behaviour.latencyMs = { min: 5, max: 25 };
  batchesTake(fleet, 300);
});

const now = "type=classify-intent&urgency=now";
const whenever = "type=classify-intent&urgency=whenever";

async function numberOf(text: string, values: unknown[] = []): Promise<number> {
  const { rows } = await fleet.db.query<{ n: string }>(text, values);
  return Number(rows[0]?.n ?? 0);
}
test("workers killed with calls in flight: the calls are booked at worst case, the jobs run again", async () => {
  fleet.simulator.world.behaviour.latencyMs = { min: 100, max: 200 };
  const victims = await Promise.all([fleet.join("worker"), fleet.join("worker")]);
  const realtime = await fleet.caller.submit(now, questions(1_200));
  const batch = await fleet.caller.submit(whenever, questions(1_000));
  let lost = 0;
  const openCalls = "SELECT count(*) AS n FROM attempts WHERE state = 'open' AND process_id = $1";
  for (const [at, victim] of victims.entries()) {
    const id = await processIdOf(fleet.db, victim);
    const inTheMiddle = async (): Promise<boolean> =>
      (await countSucceeded(fleet.db, realtime)) >= (at + 1) * 200 && (await numberOf(openCalls, [id])) >= 5;
    await waitFor("calls in flight", inTheMiddle, { timeoutMs: 30_000 });
    await victim.kill();
    lost += await numberOf(openCalls, [id]);
  }
  await waitForRest(fleet);
  expect(await countSucceeded(fleet.db, realtime)).toBe(1_200);
  expect(await countSucceeded(fleet.db, batch)).toBe(1_000);
  expect(lost).toBeGreaterThan(0);
  expect(await numberOf("SELECT count(*) AS n FROM attempts WHERE outcome = 'lost_worker'")).toBe(lost);
  await judge(fleet.db, fleet.simulator);
});

test("a killed dispatcher is replaced within five seconds", async () => {
  const standby = await fleet.join("dispatcher");
  const before = await fleet.caller.submit(now, questions(1_000, "wallet"));
  const batch = await fleet.caller.submit(whenever, questions(1_000, "wallet"));
  await waitFor("the dispatcher to work", async () => (await countSucceeded(fleet.db, before)) > 0);
  const holder =
    "SELECT pid AS n FROM leases l JOIN processes p ON p.id = l.holder WHERE name = 'dispatcher'";
  expect(await numberOf(holder)).toBe(dispatcher.pid);
  await dispatcher.kill();
  dispatcher = standby;
  const killedAt = new Date();
  const after = await fleet.caller.submit(now, questions(10, "purse"));
  const { rows } = await waitFor("a new dispatcher", async () => {
    const found = await fleet.db.query<{ ms: number }>(
      "SELECT extract(epoch FROM min(dispatched_at) - $2::timestamptz) * 1000 AS ms FROM jobs WHERE bulk_id = $1 HAVING min(dispatched_at) IS NOT NULL",
      [after, killedAt],
    );
    return found.rows.length > 0 ? found : null;
  });
  expect(Number(rows[0]?.ms)).toBeLessThanOrEqual(5_000);
  await waitForRest(fleet);
  expect(await countSucceeded(fleet.db, before)).toBe(1_000);
  expect(await countSucceeded(fleet.db, batch)).toBe(1_000);
  await judge(fleet.db, fleet.simulator);
});

test("an API killed in the middle of an upload: nothing is accepted, and the same Idempotency-Key can be sent again", async () => {
  const api = await fleet.join("api");
  const key = randomUUID();
  const lines = [
    ...questions(1_100, "passport"),
    ...questions(1_000, "ticket")
      .slice(1)
      .map((line) => Object.assign({ urgency: "now" }, line)),
  ].map((line) => `${JSON.stringify(line)}\n`);
  const request = (body: NonNullable<RequestInit["body"]>): RequestInit & { duplex: "half" } => ({
    method: "POST",
    headers: { "content-type": "application/x-ndjson", "idempotency-key": key },
    body,
    duplex: "half",
  });
  const path = `/v1/bulks?${whenever}`;
  const bulks = await numberOf("SELECT count(*) AS n FROM bulks");
  const endless = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(Buffer.from(lines.slice(0, 2_050).join(""))),
  });
  const cut = fleet
    .callerOf(api)
    .send(path, request(endless))
    .catch((error: unknown) => error);
  // The first 2,000 lines are written, and the transaction waits for more.
  const waiting = `SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database()
                      AND state = 'idle in transaction' AND now() - state_change > interval '300 ms'`;
  await waitFor("the API to have written a chunk", () => numberOf(waiting));
  await api.kill();
  expect(await cut).toBeInstanceOf(Error);
  expect(await numberOf("SELECT count(*) AS n FROM bulks")).toBe(bulks);

  // While nobody knows that the first sender's process is dead, the key is taken; then it is free.
  const sendAll = (): Promise<Response> => fleet.caller.send(path, request(lines.join("")));
  const accepted = await waitFor("the key to be free", async () => {
    const response = await sendAll();
    if (response.status === 409) return null;
    expect(response.status).toBe(202);
    return acceptedBulk.parse(await response.json());
  });
  expect(accepted.accepted).toBe(2_100);
  const repeated = await sendAll();
  expect(repeated.status).toBe(202);
  expect(acceptedBulk.parse(await repeated.json())).toEqual(accepted);
  await waitForRest(fleet);
  expect(await countSucceeded(fleet.db, accepted.id)).toBe(2_100);
  expect(await numberOf("SELECT count(*) AS n FROM bulks")).toBe(bulks + 1);
  await judge(fleet.db, fleet.simulator);
});

test("a batcher killed while message batches are uploaded, accepted, polled and ingested", async () => {
  const { simulator, caller, db } = fleet;
  await batcher.end();
  const proxy = await startProxy(simulator.url);
  const victim = await fleet.join("batcher", { SLUICE_PROVIDER_URL: proxy.urlFor(simulator.url) });
  const stage = { simulator, db, submit: (lines: number) => caller.submit(whenever, questions(lines)) };
  const realtime = await caller.submit(now, questions(1_000, "coat"));
  const ingested = await bringToIngest(stage, 1_001);
  const polled = await bringToPoll(stage, 1_002);
  const accepted = await bringToAcceptance(stage, 1_003);
  const held = proxy.holdAfter(300_000);
  const uploaded = await caller.submit(whenever, questions(1_004, "bag", 1_000));
  // Neither the download that stands still nor the create without an answer keeps another from being sent.
  let half = false;
  void held.then(() => (half = true));
  await waitFor("an upload half done", () => half, { timeoutMs: 60_000 });

  const bulks = [ingested, polled, accepted, uploaded];
  expect(await statesOf(db, bulks)).toEqual(["ended", "created", "creating", "creating"]);
  const known = simulator.world.batches.all().length;
  await victim.kill();
  await proxy.close();
  expect(simulator.world.batches.all()).toHaveLength(known);

  // What follows is as bad: two downloads end too early, one of them where nothing shows it.
  simulator.addFault({ action: "cut_mid_line", match: { path: resultsPath } });
  simulator.addFault({ action: "cut_at_line_end", match: { path: resultsPath } });
  batcher = await fleet.join("batcher");
  await letGo(stage, polled);
  await waitForRest(fleet);
  expect(await countsSucceeded(db, [realtime, ...bulks])).toEqual([1_000, 1_001, 1_002, 1_003, 1_004]);
  const { rows } = await db.query(
    "SELECT state, adopted, line_count FROM message_batches WHERE line_count BETWEEN 1001 AND 1004 ORDER BY line_count, state",
  );
  expect(rows).toEqual([
    { state: "ingested", adopted: false, line_count: 1_001 },
    { state: "ingested", adopted: false, line_count: 1_002 },
    { state: "ingested", adopted: true, line_count: 1_003 },
    { state: "ingested", adopted: false, line_count: 1_004 },
    { state: "void", adopted: false, line_count: 1_004 },
  ]);
  await judge(db, simulator);
});
