// Doubt: processes that die or freeze at each state, batches that come to light too late.
import { afterEach, expect, test } from "vitest";
import type { ProviderBatches } from "../../src/provider/batches.ts";
import { createFreezer, loseAnswer, minuteMs } from "./batch-doubts.ts";
import { openBatchFixture } from "./batch-fixture.ts";
import type { BatchFixture, FixtureOptions } from "./batch-fixture.ts";
import { judgeLane } from "./batch-judge.ts";

let fixture: BatchFixture;
const open = async (options: FixtureOptions = {}): Promise<BatchFixture> =>
  (fixture = await openBatchFixture(options));
afterEach(() => fixture.close());

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

test("a provider that lists a batch only after it was given up: the loss is canceled, harvested, booked and counted", async () => {
  await open({
    simulator: {
      listLagMs: 120 * minuteMs,
      batchDurationMs: { min: 200 * minuteMs, max: 200 * minuteMs },
      cancelLateShare: 0,
    },
  });
  loseAnswer(fixture);
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
