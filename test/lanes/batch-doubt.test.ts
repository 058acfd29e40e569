// Doubt: processes that die or freeze at each state, batches that look like ours, batches that come to light too late.
import { afterEach, expect, test } from "vitest";
import { readReceipt } from "../../src/control/stop-receipt.ts";
import { cancelStoppedBatches, findStop } from "../../src/postgres/stops.ts";
import type { ProviderBatches } from "../../src/provider/batches.ts";
import { labels, openBatchFixture } from "./batch-fixture.ts";
import type { BatchFixture, FixtureOptions } from "./batch-fixture.ts";
import { judgeLane } from "./batch-judge.ts";

const createPath = "/v1/messages/batches";
const minuteMs = 60_000;

let fixture: BatchFixture;
const open = async (options: FixtureOptions = {}): Promise<BatchFixture> =>
  (fixture = await openBatchFixture(options));
afterEach(() => fixture.close());

/** A call that never comes back to its process, as if that were frozen; `thaw` lets it go on. */
interface Freezer {
  readonly freeze: <T>(work: Promise<T>) => Promise<T>;
  readonly thaw: () => void;
}
function createFreezer(): Freezer {
  const waiting: (() => void)[] = [];
  const thawed = new Promise<void>((resolve) => waiting.push(resolve));
  return {
    freeze: async (work) => (await Promise.all([work, thawed]))[0],
    thaw: () => {
      for (const resolve of waiting) resolve();
    },
  };
}

const loseAnswer = (times = 1): void =>
  void fixture.simulator.addFault({
    action: "lose_response",
    match: { path: createPath, method: "POST" },
    times,
  });

/** Somebody else in the workspace creates a batch of so many lines. */
async function createForeign(lines: number): Promise<void> {
  const params = {
    model: "claude-haiku-4-5",
    max_tokens: 16,
    messages: [{ role: "user", content: "hello" }],
  };
  const requests = Array.from({ length: lines }, (_, n) => ({ custom_id: `theirs-${n}`, params }));
  const answer = await fetch(`${fixture.simulator.url}${createPath}`, {
    method: "POST",
    headers: {
      authorization: "Bearer test-key",
      "anthropic-version": "2026-10-21",
      "content-type": "application/json",
    },
    body: JSON.stringify({ requests }),
  });
  expect(answer.status).toBe(200);
}

/** What strangers' batches cost, which is no business of ours. */
async function foreignNano(): Promise<bigint> {
  await fixture.simulator.totalNano();
  const { batches, invoice } = fixture.simulator.world;
  const theirs = batches.all().filter((batch) => batch.customIds[0]?.startsWith("theirs-"));
  return theirs.reduce((sum, batch) => sum + invoice.batchNano(batch.id), 0n);
}

test("an intent whose process died is sent by another", async () => {
  await open();
  await fixture.submit(120);
  await fixture.lane.collector.runOnce();
  await fixture.rows("UPDATE message_batches SET process_id = 'dead', lease_until = $1", [
    new Date(fixture.deps.clock.now().getTime() + 30_000),
  ]);
  await fixture.drive();
  expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 120 });
  expect(await fixture.rows("SELECT create_tries FROM message_batches")).toEqual([{ create_tries: 1 }]);
});

test("a process frozen after the provider accepted: another adopts the batch, the late answer changes nothing", async () => {
  await open();
  const { freeze, thaw } = createFreezer();
  const frozen = fixture.another({
    batches: { ...fixture.deps.batches, create: (...call) => freeze(fixture.deps.batches.create(...call)) },
    // Its renewals do not run either.
    leaseMs: 10 * minuteMs,
  });
  await fixture.submit(120);
  const { batchIds } = await fixture.lane.collector.runOnce();
  const step = frozen.runStep(batchIds[0] ?? "");
  await expect.poll(() => fixture.simulator.world.batches.all().length).toBe(1);
  await fixture.advance(11 * minuteMs);
  await fixture.drive();
  thaw();
  await step;
  expect(await fixture.rows("SELECT state, adopted, create_tries FROM message_batches")).toEqual([
    { state: "ingested", adopted: true, create_tries: 1 },
  ]);
  expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 120 });
});

test("a process that died before the first byte: void after its time, and the lines are paid once", async () => {
  await open();
  await fixture.submit(120);
  const { batchIds } = await fixture.lane.collector.runOnce();
  await fixture.rows(
    "UPDATE message_batches SET state = 'creating', process_id = 'dead', create_tries = 1, create_started_at = $1, lease_until = $2, next_poll_at = $2 WHERE id = $3",
    [fixture.deps.clock.now(), new Date(fixture.deps.clock.now().getTime() + 30_000), batchIds[0]],
  );
  await fixture.drive();
  expect(await fixture.rows("SELECT state FROM message_batches ORDER BY id")).toEqual([
    { state: "void" },
    { state: "ingested" },
  ]);
  expect((await judgeLane(fixture, { voidHolds: 1 })).jobs).toEqual({ succeeded: 120 });
});

test("a process that died half way through the results: another downloads them again", async () => {
  await open();
  await fixture.submit(2_000);
  await fixture.drive(
    async () => (await fixture.rows("SELECT 1 FROM message_batches WHERE state = 'ended'")).length === 1,
  );
  const { freeze, thaw } = createFreezer();
  const slow: ProviderBatches = {
    ...fixture.deps.batches,
    results: async (id, signal) => {
      const end = await fixture.deps.batches.results(id, signal);
      if (end.kind !== "stream") return end;
      let bytes = 0;
      const pause = new TransformStream<Uint8Array, Uint8Array>({
        transform: async (chunk, controller) => {
          bytes += chunk.length;
          controller.enqueue(bytes < 600_000 ? chunk : await freeze(Promise.resolve(chunk)));
        },
      });
      return { ...end, body: end.body.pipeThrough(pause) };
    },
  };
  const [batch] = await fixture.rows<{ id: string }>("SELECT id FROM message_batches");
  const step = fixture.another({ batches: slow, leaseMs: 10 * minuteMs }).runStep(batch?.id ?? "");
  await expect
    .poll(async () => (await fixture.rows("SELECT 1 FROM jobs WHERE state = 'succeeded'")).length)
    .toBeGreaterThan(0);
  await fixture.advance(11 * minuteMs);
  await fixture.drive();
  thaw();
  await step;
  expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 2_000 });
});

test("a stranger's batch of the same size is tried, known for a stranger's by its names, and ours is found behind it", async () => {
  await open();
  await createForeign(120);
  loseAnswer();
  await fixture.submit(120);
  const { batchIds } = await fixture.lane.collector.runOnce();
  await fixture.lane.runStep(batchIds[0] ?? "");
  await fixture.drive();
  expect(await fixture.rows("SELECT count(*) AS n FROM foreign_batches")).toEqual([{ n: 1n }]);
  expect(await fixture.rows("SELECT state, adopted FROM message_batches")).toEqual([
    { state: "ingested", adopted: true },
  ]);
  expect((await judgeLane(fixture, { foreignNano: await foreignNano() })).jobs).toEqual({ succeeded: 120 });
});

test("in a shared workspace the only batch of our size is a stranger's: it is not canceled by a stop, which lists it as doubtful", async () => {
  await open({ simulator: { batchDurationMs: { min: 20 * minuteMs, max: 20 * minuteMs } } });
  await createForeign(7);
  // Ours never arrived, and somebody else's of the same size did.
  fixture.simulator.addFault({
    action: "error",
    match: { path: createPath, method: "POST", contains: labels[0] ?? "" },
    params: { status: 500 },
  });
  await fixture.submit(120);
  const { batchIds } = await fixture.lane.collector.runOnce();
  await fixture.lane.runStep(batchIds[0] ?? "");
  await createForeign(120);
  await fixture.lane.runStep(batchIds[0] ?? "");
  expect(await fixture.rows("SELECT state, unproved FROM message_batches")).toEqual([
    { state: "created", unproved: true },
  ]);
  await fixture.rows("SELECT sluice_stop('too much')");
  const [stop] = await fixture.rows<{ id: string }>("SELECT id FROM stops");
  await cancelStoppedBatches(fixture.pool, stop?.id ?? "");
  await fixture.lane.wakeDue();
  const found = await findStop(fixture.pool, stop?.id ?? "", null);
  if (found === undefined) throw new Error("no stop");
  const receipt = await readReceipt(fixture.pool, found);
  expect(receipt.batches.map(({ standing }) => standing)).toEqual(["doubtful"]);
  expect(receipt.mayStillCostNano).toBeGreaterThan(0n);
  await fixture.drive(async () => (await fixture.rows("SELECT 1 FROM foreign_batches")).length === 1);
  const theirs = fixture.simulator.world.batches.all().find((batch) => batch.customIds[0] === "theirs-0");
  expect(theirs?.cancel).toBeNull();
});

test("in a shared workspace a creator that comes back proves by its own answer what was adopted, and what a stop asked for is done", async () => {
  await open({
    simulator: { batchDurationMs: { min: 200 * minuteMs, max: 200 * minuteMs }, cancelLateShare: 0 },
  });
  const ours = () => fixture.simulator.world.batches.all().find(({ customIds }) => customIds.length === 120);
  await createForeign(7);
  const { freeze, thaw } = createFreezer();
  const frozen = fixture.another({
    batches: { ...fixture.deps.batches, create: (...call) => freeze(fixture.deps.batches.create(...call)) },
    leaseMs: 10 * minuteMs,
  });
  await fixture.submit(120);
  const { batchIds } = await fixture.lane.collector.runOnce();
  const step = frozen.runStep(batchIds[0] ?? "");
  await expect.poll(() => fixture.simulator.world.batches.all().length).toBe(2);
  await fixture.advance(11 * minuteMs);
  await fixture.drive(
    async () => (await fixture.rows("SELECT 1 FROM message_batches WHERE unproved")).length === 1,
  );
  await fixture.rows("UPDATE message_batches SET cancel_requested_at = $1", [fixture.deps.clock.now()]);
  await fixture.lane.runStep(batchIds[0] ?? "");
  expect(ours()?.cancel).toBeNull();
  thaw();
  await step;
  await fixture.drive(
    async () =>
      (await fixture.rows("SELECT 1 FROM message_batches WHERE cancel_sent_at IS NOT NULL")).length === 1,
  );
  expect(ours()?.cancel).not.toBeNull();
  fixture.simulator.world.behaviour.batchDurationMs = { min: 1_000, max: 1_000 };
  await fixture.drive();
  await judgeLane(fixture, { foreignNano: await foreignNano() });
});

test("two of ours in doubt look like strangers to each other: a cancellation asks again once they are told apart", async () => {
  await open({
    simulator: { batchDurationMs: { min: 200 * minuteMs, max: 200 * minuteMs }, cancelLateShare: 0 },
  });
  const ids: string[] = [];
  for (const lines of [120, 130]) {
    loseAnswer();
    await fixture.submit(lines);
    ids.push(...(await fixture.lane.collector.runOnce()).batchIds);
    await fixture.lane.runStep(ids.at(-1) ?? "");
  }
  for (const id of ids) await fixture.lane.runStep(id);
  expect(await fixture.rows("SELECT line_count, unproved FROM message_batches ORDER BY id")).toEqual([
    { line_count: 120, unproved: true },
    { line_count: 130, unproved: false },
  ]);
  await fixture.rows("UPDATE message_batches SET cancel_requested_at = $1", [fixture.deps.clock.now()]);
  for (const id of ids) await fixture.lane.runStep(id);
  expect(fixture.simulator.world.batches.all().filter(({ cancel }) => cancel !== null)).toHaveLength(2);
  fixture.simulator.world.behaviour.batchDurationMs = { min: 1_000, max: 1_000 };
  await fixture.drive();
  expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 250 });
});

test("batches of others in the workspace are left alone: not canceled, not taken for ours", async () => {
  await open({ simulator: { batchDurationMs: { min: 20 * minuteMs, max: 20 * minuteMs } } });
  fixture.simulator.addFault({
    action: "error",
    match: { path: createPath, method: "POST", contains: labels[0] ?? "" },
    params: { status: 500 },
  });
  await createForeign(7);
  await fixture.submit(120);
  await fixture.drive();
  const foreign = fixture.simulator.world.batches.all().find((batch) => batch.customIds.length === 7);
  expect(foreign?.cancel).toBeNull();
  expect((await judgeLane(fixture, { voidHolds: 1, foreignNano: await foreignNano() })).jobs).toEqual({
    succeeded: 120,
  });
});

test("a provider that lists a batch only after it was given up: the loss is canceled, harvested, booked and counted", async () => {
  await open({
    simulator: {
      listLagMs: 120 * minuteMs,
      batchDurationMs: { min: 200 * minuteMs, max: 200 * minuteMs },
      cancelLateShare: 0,
    },
  });
  loseAnswer();
  await fixture.submit(120);
  await fixture.drive(
    async () => (await fixture.rows("SELECT 1 FROM message_batches WHERE state = 'void'")).length === 1,
  );
  expect(await fixture.lane.findLateBatches()).toBe(0);
  await fixture.advance(90 * minuteMs);
  await lateFound();
  await fixture.drive();
  const [late] = await fixture.rows<{
    state: string;
    paid_twice: number;
    count_succeeded: number;
    cancel_sent_at: Date | null;
  }>(
    "SELECT state, paid_twice, count_succeeded, cancel_sent_at FROM message_batches WHERE error_code = 'found_late'",
  );
  expect(late?.state).toBe("ingested");
  expect(late?.cancel_sent_at).not.toBeNull();
  expect(late?.paid_twice).toBe(late?.count_succeeded);
  expect(late?.paid_twice).toBeGreaterThan(0);
  expect((await judgeLane(fixture, { voidHolds: 1 })).jobs).toEqual({ succeeded: 120 });
  await fixture.advance(25 * 60 * minuteMs);
  expect(await fixture.lane.releaseVoidHolds()).toBe(1);
  await judgeLane(fixture);
});

/** The queue is away in this fixture, so that the wake-ups are run on the spot. */
const lateFound = async (): Promise<void> => expect(await fixture.lane.findLateBatches()).toBe(1);

test("a batch whose every wake-up was lost is woken by the sweep, and one whose lease is held is not", async () => {
  await open();
  await fixture.submit(120);
  await fixture.lane.collector.runOnce();
  await fixture.advance(10_000);
  const held = new Date(fixture.deps.clock.now().getTime() + 30_000);
  await fixture.rows("UPDATE message_batches SET process_id = 'busy', lease_until = $1", [held]);
  expect(await fixture.lane.sweepOnce()).toBe(0);
  await fixture.advance(31_000);
  expect(await fixture.lane.sweepOnce()).toBe(1);
  expect(await fixture.rows("SELECT state, wake_no FROM message_batches")).toEqual([
    { state: "created", wake_no: 3 },
  ]);
});
