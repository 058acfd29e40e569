// The lane as it runs in a process: collector, wake-ups through BullMQ, sweep, drain.
import { Redis } from "ioredis";
import { afterEach, describe, expect, test } from "vitest";
import type { QueueBackend } from "../../src/queue/backend.ts";
import { cloneDatabase, openTestBackend, queueBackends, redisFor } from "../support/stores.ts";
import { waitFor } from "../support/wait.ts";
import { openBatchFixture } from "./batch-fixture.ts";
import type { BatchFixture } from "./batch-fixture.ts";
import { judgeLane } from "./batch-judge.ts";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  // oxlint-disable-next-line no-await-in-loop -- in the reverse order of opening
  for (const close of closers.splice(0).toReversed()) await close();
});

const settings = { SLUICE_BATCH_LINGER_MS: "100", SLUICE_POLL_MIN_MS: "100", SLUICE_POLL_MAX_MS: "500" };

async function start(
  kind: "redis" | "postgres",
  prefix?: string,
): Promise<{ fixture: BatchFixture; backend: QueueBackend }> {
  const database = await cloneDatabase();
  const backend = await openTestBackend(kind, {
    postgresUrl: database.url,
    ...(prefix !== undefined && { prefix }),
  });
  const fixture = await openBatchFixture({ queueBackend: backend, settings });
  closers.push(
    () => database.drop(),
    () => fixture.close(),
    () => backend.close(),
    () => fixture.lane.stop(),
  );
  await fixture.lane.start();
  return { fixture, backend };
}

const allDone = async (fixture: BatchFixture): Promise<boolean> =>
  (
    await fixture.rows(
      "SELECT 1 FROM jobs WHERE finished_at IS NULL UNION ALL SELECT 1 FROM message_batches WHERE state <> 'ingested'",
    )
  ).length === 0;

describe.each(queueBackends)("on %s", (kind) => {
  test("batches are woken from state to state, and the board sees how far they are", async () => {
    const { fixture, backend } = await start(kind);
    await fixture.submit(300);
    fixture.lane.wakeCollector();
    await waitFor("all to be done", () => allDone(fixture), { timeoutMs: 25_000 });
    expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 300 });
    const queue = await backend.createQueue("message-batches");
    const entries = await waitFor("the last entry to be finished", async () => {
      const found = await queue.getCompleted();
      return found.some((entry) => entry.name === "ingest") ? found : undefined;
    });
    const [batch] = await fixture.rows<{ id: string }>("SELECT id FROM message_batches");
    expect(new Set(entries.map((entry) => entry.name))).toEqual(new Set(["submit", "poll", "ingest"]));
    expect(entries.find((entry) => entry.name === "ingest")).toMatchObject({
      data: { batchId: batch?.id },
      progress: {
        processing: 0,
        succeeded: 300,
        errored: 0,
        canceled: 0,
        expired: 0,
        total: 300,
        ingested: 300,
      },
    });
    for (const entry of entries) expect(entry.id).toMatch(new RegExp(`^${batch?.id}-\\d+$`));
  });
});

test("a queue that loses everything loses no batch: the sweep wakes what is overdue", async () => {
  const { url, prefix } = redisFor("flush");
  const { fixture } = await start("redis", prefix);
  await fixture.submit(300);
  fixture.lane.wakeCollector();
  await waitFor(
    "the batch to be at the provider",
    async () => (await fixture.rows("SELECT 1 FROM message_batches WHERE state = 'created'")).length > 0,
  );
  const redis = new Redis(url);
  const keys = await redis.keys(`*${prefix}*`);
  expect(keys.length).toBeGreaterThan(0);
  await redis.del(...keys);
  redis.disconnect();
  await waitFor("all to be done", () => allDone(fixture), { timeoutMs: 25_000 });
  expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 300 });
});

test("stopping waits for a create under way and starts no other", async () => {
  const { fixture } = await start("redis");
  fixture.simulator.addFault({
    action: "delay",
    match: { path: "/v1/messages/batches", method: "POST" },
    params: { ms: 800 },
  });
  await fixture.submit(300);
  fixture.lane.wakeCollector();
  await waitFor(
    "the create to be under way",
    async () => (await fixture.rows("SELECT 1 FROM message_batches WHERE state = 'creating'")).length > 0,
  );
  await fixture.lane.stop();
  expect(await fixture.rows("SELECT state, provider_id IS NOT NULL AS known FROM message_batches")).toEqual([
    { state: "created", known: true },
  ]);
  await fixture.submit(200);
  const next = fixture.another();
  closers.push(() => next.stop());
  await next.start();
  await waitFor("another process to do the rest", () => allDone(fixture), { timeoutMs: 25_000 });
  expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 500 });
});

test("after a lift few message batches are open at once, as large as ever; then all that there is to send", async () => {
  let width = 0.05;
  const fixture = await openBatchFixture({ settings: { ...settings, SLUICE_BATCH_LINES_MAX: "20" } });
  closers.push(() => fixture.close());
  const lane = fixture.another({ widthOf: () => width });
  await fixture.submit(200);
  const sizes = async () => {
    await lane.collector.runOnce();
    const rows = await fixture.rows<{ line_count: number }>("SELECT line_count FROM message_batches");
    return rows.map((row) => row.line_count);
  };
  for (const look of [1, 2, 3]) {
    const open = await sizes();
    expect(open, `look ${look}`).toHaveLength(3);
    expect(Math.min(...open)).toBeGreaterThan(15);
  }
  width = 1;
  await fixture.advance(1_000);
  expect((await sizes()).length).toBeGreaterThanOrEqual(10);
});
