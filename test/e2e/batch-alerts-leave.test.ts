// What a lying or forgetful provider does to message batches leaves the process as an alert: from the create over the real SDK to the
// webhook's receiver.
import { afterEach, beforeEach, expect, test } from "vitest";
import { createAlertSender } from "../../src/delivery/alert-sender.ts";
import { silentLog } from "../../src/observe/log.ts";
import { openBatchFixture } from "../lanes/batch-fixture.ts";
import type { BatchFixture, FixtureOptions } from "../lanes/batch-fixture.ts";
import { judgeLane } from "../lanes/batch-judge.ts";
import { startReceiver, type Receiver } from "../support/receiver.ts";
import { waitFor } from "../support/wait.ts";

const createPath = "/v1/messages/batches";
const minuteMs = 60_000;
const lines = 40;

let fixture: BatchFixture;
let receiver: Receiver;
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(async () => {
  await fixture.close();
  await receiver.close();
});
const open = async (options: FixtureOptions = {}): Promise<void> => {
  fixture = await openBatchFixture(options);
};

interface Left {
  type: string;
  data: {
    id: string;
    severity: string;
    owner: string;
    reason: string;
    message_batch?: string;
    next_step: string;
  };
}

/** Everything that has left, once all of it has. */
async function left(): Promise<Left[]> {
  const sender = createAlertSender({
    pool: fixture.pool,
    clock: { now: () => new Date(), monotonicMs: () => performance.now() },
    log: silentLog,
    random: () => 0,
    webhook: {
      url: receiver.url,
      secret: `whsec_${Buffer.alloc(32, 3).toString("base64")}`,
      timeoutMs: 2_000,
    },
    publicUrl: "https://sluice.example.com/",
    retries: { baseMs: 1, capMs: 1, triesMax: 5 },
  });
  await waitFor("every alert to leave", async () => {
    await sender.runOnce();
    return (await fixture.rows("SELECT 1 FROM alerts WHERE state <> 'delivered'")).length === 0;
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the test says what it expects of it
  return receiver.received.map(({ body }) => JSON.parse(body) as Left);
}

test("lines that a listing lied about were paid twice: one alert, with the batch and how many", async () => {
  await open({ simulator: { listLagMs: 120 * minuteMs } });
  fixture.simulator.addFault({ action: "lose_response", match: { path: createPath, method: "POST" } });
  await fixture.submit(lines);
  await fixture.drive(
    async () => (await fixture.rows("SELECT 1 FROM message_batches WHERE state = 'void'")).length === 1,
  );
  await fixture.advance(150 * minuteMs);
  expect(await fixture.lane.findLateBatches()).toBe(1);
  await fixture.drive();
  const [batch] = await fixture.rows<{ id: string; paid_twice: number }>(
    "SELECT id, paid_twice FROM message_batches WHERE error_code = 'found_late'",
  );
  expect(batch?.paid_twice).toBe(lines);
  expect(await left()).toMatchObject([
    {
      type: "alert.paid_twice",
      data: {
        severity: "critical",
        reason: expect.stringMatching(/^\d+ lines or more$/),
        next_step: expect.stringMatching(/Ask the provider/),
      },
    },
  ]);
  expect(receiver.received[0]?.body).toContain(batch?.id ?? "none");
  expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: lines });
});

test("a batch that answers 404 for long is told once, and harvested when it is there again", async () => {
  await open({ simulator: { batchDurationMs: { min: minuteMs, max: minuteMs } } });
  await fixture.submit(lines);
  await fixture.drive(
    async () => (await fixture.rows("SELECT 1 FROM message_batches WHERE state = 'created'")).length === 1,
  );
  const rule = fixture.simulator.addFault({
    action: "error",
    match: { path: `${createPath}/{id}` },
    times: null,
    params: { status: 404 },
  });
  const [batch] = await fixture.rows<{ id: string }>("SELECT id FROM message_batches");
  const poll = () => fixture.lane.runStep(batch?.id ?? "");
  await fixture.advance(10 * minuteMs);
  await poll();
  // Soon after its creation a 404 is nothing to tell of.
  expect(await fixture.rows("SELECT kind FROM alerts")).toEqual([]);
  await fixture.advance(10 * minuteMs);
  await poll();
  await fixture.advance(10 * minuteMs);
  await poll();
  expect(await left()).toMatchObject([{ type: "alert.batch_missing", data: { severity: "warning" } }]);
  expect(receiver.received[0]?.body).toContain(batch?.id ?? "none");
  fixture.simulator.world.faults.clear(rule.id);
  await fixture.drive();
  expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: lines });
});
