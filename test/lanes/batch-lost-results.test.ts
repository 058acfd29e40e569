// Results that can never be fetched: what nobody can know any more is booked at its worst case, and no line runs for ever.
import { afterEach, describe, expect, test } from "vitest";
import { openBatchFixture } from "./batch-fixture.ts";
import type { BatchFixture, FixtureOptions } from "./batch-fixture.ts";
import { judgeLane } from "./batch-judge.ts";

const dayMs = 24 * 3_600_000;
const lines = 20;

let fixture: BatchFixture;
const open = async (options: FixtureOptions = {}): Promise<BatchFixture> =>
  (fixture = await openBatchFixture(options));
afterEach(() => fixture.close());

const inState = (state: string) => async (): Promise<boolean> =>
  (await fixture.rows("SELECT 1 FROM message_batches WHERE state = $1", [state])).length > 0;
const lost = async (): Promise<boolean> =>
  (await fixture.rows("SELECT 1 FROM message_batches WHERE error_code = 'results_lost'")).length > 0;

/** What every line of the lost batch came to, and what is still held. */
const books = () =>
  fixture.rows(
    `SELECT a.state, count(*)::integer AS n, bool_and(a.cost_nano = a.worst_nano) AS at_worst,
            (SELECT count(*)::integer FROM holds WHERE state = 'open') AS holds
       FROM attempts a JOIN message_batches b ON b.id = a.message_batch_id WHERE b.error_code = 'results_lost' GROUP BY a.state`,
  );

describe("lines end at their worst case and are paid for again where they have an attempt left", () => {
  test("a batch that was archived before anybody fetched it", async () => {
    await open();
    await fixture.submit(lines);
    await fixture.drive(inState("created"));
    // Nobody of ours lives for a month.
    await fixture.advance(30 * dayMs);
    await fixture.drive(lost);
    expect(await books()).toEqual([{ state: "presumed", n: lines, at_worst: true, holds: 0 }]);
    expect(await fixture.rows("SELECT kind, scope, reason FROM alerts")).toMatchObject([
      {
        kind: "results_lost",
        scope: "message_batch",
        reason: expect.stringContaining(`${lines} lines, booked at $`),
      },
    ]);
    await fixture.drive();
    expect(
      await fixture.rows("SELECT state, retry_reason, attempts_paid FROM jobs GROUP BY 1, 2, 3"),
    ).toEqual([{ state: "succeeded", retry_reason: "results_lost", attempts_paid: 2 }]);
  });

  test("a batch that the provider has forgotten altogether", async () => {
    await open();
    await fixture.submit(lines);
    await fixture.drive(inState("created"));
    const path = "/v1/messages/batches/{id}";
    fixture.simulator.addFault({ action: "error", match: { path }, times: null, params: { status: 404 } });
    await fixture.advance(20 * dayMs);
    const [batch] = await fixture.rows<{ id: string }>("SELECT id FROM message_batches");
    await fixture.lane.runStep(batch?.id ?? "");
    // Missing, which is alarming and no proof of anything.
    expect(await fixture.rows("SELECT kind FROM alerts")).toEqual([{ kind: "batch_missing" }]);
    expect(await inState("created")()).toBe(true);
    await fixture.advance(10 * dayMs);
    await fixture.lane.runStep(batch?.id ?? "");
    expect(await books()).toEqual([{ state: "presumed", n: lines, at_worst: true, holds: 0 }]);
    expect(await fixture.rows("SELECT kind FROM alerts ORDER BY id")).toEqual([
      { kind: "batch_missing" },
      { kind: "results_lost" },
    ]);
  });
});

test("a job without an attempt left fails with results_lost, and one that was canceled is canceled", async () => {
  await open();
  await fixture.submit(lines);
  await fixture.drive(inState("created"));
  await fixture.rows("UPDATE jobs SET attempts_max = 1");
  await fixture.rows("UPDATE jobs SET cancel_requested_at = now() WHERE line = 1");
  await fixture.advance(30 * dayMs);
  await fixture.drive(lost);
  expect(
    await fixture.rows(
      "SELECT state, failure_code, failure_fault, count(*)::integer AS n FROM jobs GROUP BY 1, 2, 3 ORDER BY 1",
    ),
  ).toEqual([
    { state: "canceled", failure_code: null, failure_fault: null, n: 1 },
    { state: "failed", failure_code: "results_lost", failure_fault: "provider", n: lines - 1 },
  ]);
});

test("where the provider counted no line as succeeded, nothing is booked", async () => {
  await open();
  fixture.simulator.addFault({ action: "errored", times: lines });
  await fixture.submit(lines);
  await fixture.drive(inState("ended"));
  await fixture.advance(30 * dayMs);
  await fixture.drive();
  expect(
    await fixture.rows("SELECT sum(cost_nano)::bigint AS nano FROM attempts WHERE outcome = 'expired'"),
  ).toEqual([{ nano: 0n }]);
  expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: lines });
});
