// Every end a create can have, and that each line is paid once whatever it was.
import { afterEach, describe, expect, test } from "vitest";
import { createProviderBatches } from "../../src/provider/batches.ts";
import type { ProviderBatches } from "../../src/provider/batches.ts";
import { createProvider } from "../../src/provider/client.ts";
import { openBatchFixture } from "./batch-fixture.ts";
import type { BatchFixture, FixtureOptions } from "./batch-fixture.ts";
import { judgeLane } from "./batch-judge.ts";

const createPath = "/v1/messages/batches";
const minuteMs = 60_000;

let fixture: BatchFixture;
const open = async (options: FixtureOptions = {}): Promise<BatchFixture> =>
  (fixture = await openBatchFixture(options));
afterEach(() => fixture.close());

/** Message batches by state. */
async function batchStates(): Promise<Record<string, number>> {
  const rows = await fixture.rows<{ state: string; n: string }>(
    "SELECT state, count(*) AS n FROM message_batches GROUP BY state",
  );
  return Object.fromEntries(rows.map(({ state, n }) => [state, Number(n)]));
}

/** Forms the one intent there is to form, and takes its first step. */
async function submitOnce(): Promise<string> {
  const { batchIds } = await fixture.lane.collector.runOnce();
  const [id = ""] = batchIds;
  await fixture.lane.runStep(id);
  return id;
}

describe("a create whose answer is lost after the provider has accepted it", () => {
  test.each(["reset", "503", "timeout"])(
    "as %s: the batch is found in the listing and paid once",
    async (how) => {
      await open({ settings: { SLUICE_BATCH_CREATE_TIMEOUT_MS: "1000" } });
      const params = how === "503" ? { as: "error", status: 503 } : { as: how };
      fixture.simulator.addFault({
        action: "lose_response",
        match: { path: createPath, method: "POST" },
        params,
      });
      await fixture.submit(120);
      await submitOnce();
      expect(await batchStates()).toEqual({ doubtful: 1 });
      await fixture.drive();
      expect(await fixture.rows("SELECT state, adopted, create_tries FROM message_batches")).toEqual([
        { state: "ingested", adopted: true, create_tries: 1 },
      ]);
      expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 120 });
    },
  );

  test("a listing that lags is asked again", async () => {
    await open({ simulator: { listLagMs: 10 * minuteMs } });
    fixture.simulator.addFault({ action: "lose_response", match: { path: createPath, method: "POST" } });
    await fixture.submit(120);
    await fixture.drive();
    expect(await batchStates()).toEqual({ ingested: 1 });
    expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 120 });
  });
});

describe("a create that the provider did not accept", () => {
  test("500 without a trace of it: void after two clear listings, sent again, its money held for 25 hours", async () => {
    await open();
    fixture.simulator.addFault({
      action: "error",
      match: { path: createPath, method: "POST" },
      params: { status: 500 },
    });
    await fixture.submit(120);
    const startedMs = fixture.simulator.world.clock.now();
    await fixture.drive();
    expect(await batchStates()).toEqual({ void: 1, ingested: 1 });
    expect(fixture.simulator.world.clock.now() - startedMs).toBeGreaterThanOrEqual(35 * minuteMs);
    expect((await judgeLane(fixture, { voidHolds: 1 })).jobs).toEqual({ succeeded: 120 });
    expect(await fixture.lane.releaseVoidHolds()).toBe(0);
    await fixture.advance(25 * 60 * minuteMs);
    expect(await fixture.lane.releaseVoidHolds()).toBe(1);
    await judgeLane(fixture);
  });

  test.each([429, 529])("%i: the same intent is sent again after retry-after", async (status) => {
    await open();
    const kind = status === 429 ? { kind: "rate_limited" } : { status };
    fixture.simulator.addFault({
      action: "error",
      match: { path: createPath, method: "POST" },
      times: 3,
      params: kind,
    });
    await fixture.submit(120);
    await fixture.drive();
    expect(await fixture.rows("SELECT state, create_tries FROM message_batches")).toEqual([
      { state: "ingested", create_tries: 4 },
    ]);
    expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 120 });
  });

  test.each([{ status: 401 }, { kind: "on_hold" }, { kind: "usage_limit" }, { kind: "spend_limit" }])(
    "%o: the credential stops, the lines wait and go on after a probe",
    async (params) => {
      await open();
      fixture.simulator.addFault({
        action: "error",
        match: { path: createPath, method: "POST" },
        times: 2,
        params,
      });
      await fixture.submit(120);
      await submitOnce();
      await fixture.lane.collector.runOnce();
      await fixture.drive(async () => (await batchStates())["refused"] === 1);
      expect(await fixture.rows("SELECT DISTINCT state, wait_reason FROM jobs")).toEqual([
        { state: "queued", wait_reason: "credential" },
      ]);
      expect(await fixture.rows("SELECT stopped_at IS NOT NULL AS stopped FROM credentials")).toEqual([
        { stopped: true },
      ]);
      await fixture.drive();
      expect(await fixture.rows("SELECT stopped_at FROM credentials")).toEqual([{ stopped_at: null }]);
      expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 120 });
    },
  );

  test("403 where all lines name one model: the model waits, and goes on after a probe of one line", async () => {
    await open();
    const params = { status: 403 };
    fixture.simulator.addFault({ action: "error", match: { path: createPath, method: "POST" }, params });
    await fixture.submit(120);
    await submitOnce();
    await fixture.drive(async () => (await batchStates())["refused"] === 1);
    expect(await fixture.rows("SELECT DISTINCT state, wait_reason FROM jobs")).toEqual([
      { state: "queued", wait_reason: "credential" },
    ]);
    expect(await fixture.rows("SELECT stopped_at FROM credentials")).toEqual([{ stopped_at: null }]);
    expect(await fixture.rows("SELECT model FROM refused_models")).toHaveLength(1);
    await fixture.drive();
    expect(await fixture.rows("SELECT line_count FROM message_batches ORDER BY created_at")).toEqual([
      { line_count: 120 },
      { line_count: 1 },
      { line_count: 119 },
    ]);
    expect(await fixture.rows("SELECT model FROM refused_models")).toEqual([]);
    expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 120 });
  });
});

describe("a create that is refused for what it contains, or never sent", () => {
  test.each([400, 413])(
    "%i for one line among many: ever smaller packs find it, the others succeed",
    async (status) => {
      await open();
      fixture.simulator.addFault({
        action: "error",
        match: { path: createPath, method: "POST", contains: "number 77," },
        times: null,
        params: { status },
      });
      await fixture.submit(120);
      await fixture.drive();
      expect((await judgeLane(fixture)).jobs).toEqual({ failed: 1, succeeded: 119 });
      expect(
        await fixture.rows("SELECT line, failure_code, failure_fault FROM jobs WHERE state = 'failed'"),
      ).toEqual([{ line: 78, failure_code: "batch_refused", failure_fault: "caller" }]);
    },
  );

  test("a connection that is refused: nothing was sent, so nothing is in doubt", async () => {
    await open();
    await fixture.submit(120);
    const nowhere = createProvider({
      baseUrl: "http://127.0.0.1:9",
      apiKey: "k",
      gate: () => ({ open: true }),
      clock: fixture.deps.clock,
    });
    const cut = fixture.another({
      batches: createProviderBatches(nowhere, { controlDeadlineMs: 1_000, pageSize: 100 }),
    });
    const { batchIds } = await fixture.lane.collector.runOnce();
    await cut.runStep(batchIds[0] ?? "");
    await nowhere.close();
    expect(await batchStates()).toEqual({ intent: 1 });
    await fixture.drive();
    expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 120 });
  });
});

/** Lets time pass while the first chunk is on its way. */
const slowUpload =
  (ms: number) =>
  (batches: ProviderBatches): ProviderBatches => {
    let slow = true;
    return {
      ...batches,
      create: (body, length, terms) => {
        const pause = new TransformStream<Uint8Array, Uint8Array>({
          transform: async (chunk, controller) => {
            controller.enqueue(chunk);
            if (slow) await fixture.advance(ms);
            slow = false;
          },
        });
        return batches.create(body.pipeThrough(pause), length, terms);
      },
    };
  };

describe("a body that breaks off", () => {
  test("a lease that ends in the middle destroys the upload: nothing is created, and it is sent again", async () => {
    await open({ leaseMs: 30_000, intercept: slowUpload(30_000) });
    await fixture.submit(1_600);
    await submitOnce();
    expect(await batchStates()).toEqual({ intent: 1 });
    expect(fixture.simulator.world.batches.all()).toHaveLength(0);
    await fixture.drive();
    expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 1_600 });
    expect(fixture.simulator.world.batches.all()).toHaveLength(1);
  });

  test("a line that no longer renders to what was accepted fails alone", async () => {
    await open();
    await fixture.submit(120);
    const { batchIds } = await fixture.lane.collector.runOnce();
    await fixture.rows(
      'UPDATE job_inputs SET input = \'{"text":"something else"}\' WHERE job_id = (SELECT id FROM jobs WHERE line = 5)',
    );
    await fixture.lane.runStep(batchIds[0] ?? "");
    await fixture.drive();
    expect((await judgeLane(fixture)).jobs).toEqual({ failed: 1, succeeded: 119 });
    expect(
      await fixture.rows("SELECT line, failure_code, failure_fault FROM jobs WHERE state = 'failed'"),
    ).toEqual([{ line: 5, failure_code: "request_changed", failure_fault: "sluice" }]);
  });
});

describe("what comes between an intent and its create", () => {
  test.each(["pause", "stop"] as const)(
    "a %s: the lines go back, the money is free, and all goes on when it is lifted",
    async (why) => {
      await open();
      await fixture.submit(120);
      const { batchIds } = await fixture.lane.collector.runOnce();
      fixture.gate = { open: false, why, flagId: "f", reason: "because" };
      await fixture.lane.runStep(batchIds[0] ?? "");
      expect(await batchStates()).toEqual({ refused: 1 });
      expect(await fixture.rows("SELECT DISTINCT state, wait_reason, tries FROM jobs")).toEqual([
        { state: "queued", wait_reason: why, tries: 0 },
      ]);
      expect(await fixture.rows("SELECT 1 FROM holds WHERE state = 'open'")).toEqual([]);
      expect((await fixture.lane.collector.runOnce()).batchIds).toEqual([]);
      fixture.gate = { open: true };
      await fixture.drive();
      expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 120 });
    },
  );

  test("canceled lines are not sent", async () => {
    await open();
    await fixture.submit(120);
    const { batchIds } = await fixture.lane.collector.runOnce();
    await fixture.rows(
      "UPDATE jobs SET state = 'canceled', cancel_requested_at = now(), finished_at = now(), finish_seq = nextval('job_finish_seq') WHERE line <= 20",
    );
    await fixture.lane.runStep(batchIds[0] ?? "");
    await fixture.drive();
    expect((await judgeLane(fixture)).jobs).toEqual({ canceled: 20, succeeded: 100 });
    expect(fixture.simulator.world.batches.all().map((batch) => batch.customIds.length)).toEqual([100]);
  });
});
