// Doubt where others create batches too: what looks like ours may be theirs, and theirs is left alone.
import { afterEach, expect, test } from "vitest";
import { readReceipt } from "../../src/control/stop-receipt.ts";
import { cancelStoppedBatches, findStop } from "../../src/postgres/stops.ts";
import {
  createForeign,
  createFreezer,
  createPath,
  foreignNano,
  loseAnswer,
  minuteMs,
} from "./batch-doubts.ts";
import { labels, openBatchFixture } from "./batch-fixture.ts";
import type { BatchFixture, FixtureOptions } from "./batch-fixture.ts";
import { judgeLane } from "./batch-judge.ts";

let fixture: BatchFixture;
const open = async (options: FixtureOptions = {}): Promise<BatchFixture> =>
  (fixture = await openBatchFixture(options));
afterEach(() => fixture.close());

test("a stranger's batch of the same size is tried, known for a stranger's by its names, and ours is found behind it", async () => {
  await open();
  await createForeign(fixture, 120);
  loseAnswer(fixture);
  await fixture.submit(120);
  const { batchIds } = await fixture.lane.collector.runOnce();
  await fixture.lane.runStep(batchIds[0] ?? "");
  await fixture.drive();
  expect(await fixture.rows("SELECT count(*) AS n FROM foreign_batches")).toEqual([{ n: 1n }]);
  expect(await fixture.rows("SELECT state, adopted FROM message_batches")).toEqual([
    { state: "ingested", adopted: true },
  ]);
  expect((await judgeLane(fixture, { foreignNano: await foreignNano(fixture) })).jobs).toEqual({
    succeeded: 120,
  });
});

test("in a shared workspace the only batch of our size is a stranger's: it is not canceled by a stop, which lists it as doubtful", async () => {
  await open({ simulator: { batchDurationMs: { min: 20 * minuteMs, max: 20 * minuteMs } } });
  await createForeign(fixture, 7);
  // Ours never arrived, and somebody else's of the same size did.
  fixture.simulator.addFault({
    action: "error",
    match: { path: createPath, method: "POST", contains: labels[0] ?? "" },
    params: { status: 500 },
  });
  await fixture.submit(120);
  const { batchIds } = await fixture.lane.collector.runOnce();
  await fixture.lane.runStep(batchIds[0] ?? "");
  await createForeign(fixture, 120);
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
  await createForeign(fixture, 7);
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
  await judgeLane(fixture, { foreignNano: await foreignNano(fixture) });
});

test("two of ours in doubt look like strangers to each other: a cancellation asks again once they are told apart", async () => {
  await open({
    simulator: { batchDurationMs: { min: 200 * minuteMs, max: 200 * minuteMs }, cancelLateShare: 0 },
  });
  const ids: string[] = [];
  for (const lines of [120, 130]) {
    loseAnswer(fixture);
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
  await createForeign(fixture, 7);
  await fixture.submit(120);
  await fixture.drive();
  const foreign = fixture.simulator.world.batches.all().find((batch) => batch.customIds.length === 7);
  expect(foreign?.cancel).toBeNull();
  expect((await judgeLane(fixture, { voidHolds: 1, foreignNano: await foreignNano(fixture) })).jobs).toEqual({
    succeeded: 120,
  });
});
