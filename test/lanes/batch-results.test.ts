// Polling and results: whatever the provider shows late, cuts or mixes up, every line ends once and is paid once.
import { afterEach, describe, expect, test } from "vitest";
import { openBatchFixture } from "./batch-fixture.ts";
import type { BatchFixture, FixtureOptions } from "./batch-fixture.ts";
import { judgeLane } from "./batch-judge.ts";

const resultsPath = "/v1/messages/batches/{id}/results";
const minuteMs = 60_000;

let fixture: BatchFixture;
const open = async (options: FixtureOptions = {}): Promise<BatchFixture> =>
  (fixture = await openBatchFixture(options));
afterEach(() => fixture.close());

const line = (n: number): string => `number ${n},`;

/** Until the provider has the one batch there is. */
const created = async (): Promise<boolean> =>
  (await fixture.rows("SELECT 1 FROM message_batches WHERE state = 'created'")).length === 1;

describe("a download of results", () => {
  test.each([
    ["cut_mid_line", { after: 700 }],
    ["cut_at_line_end", { after: 700 }],
    ["cut_at_line_end", { after: 0 }],
    ["reset_download", { after: 700 }],
  ])("%s %o: it is begun again until every row has been counted", async (action, params) => {
    await open();
    fixture.simulator.addFault({ action, match: { path: resultsPath }, times: 2, params });
    await fixture.submit(1_200);
    await fixture.drive();
    expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 1_200 });
    expect(await fixture.rows("SELECT state, ingested_lines FROM message_batches")).toEqual([
      { state: "ingested", ingested_lines: 1_200 },
    ]);
  });

  test.each([
    ["blank_line", {}],
    ["tiny_chunks", { bytes: 7 }],
    ["huge_line", { bytes: 2_000_000 }],
  ])("%s: it is read all the same", async (action, params) => {
    await open();
    fixture.simulator.addFault({ action, match: { path: resultsPath }, params });
    await fixture.submit(120, { word: "карта 🂡" });
    await fixture.drive();
    expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 120 });
    const { requests } = fixture.simulator.world.log.view({
      since: 0,
      path: null,
      method: "GET",
      limit: 1_000,
    });
    const downloads = JSON.stringify(requests).match(/"path":"[^"]*\/results"/g) ?? [];
    expect(downloads).toHaveLength(1);
  });

  test("results that are not there yet are asked for again", async () => {
    await open({ simulator: { resultsLagMs: minuteMs } });
    await fixture.submit(120);
    await fixture.drive();
    expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 120 });
  });
});

describe("lines without an answer", () => {
  test("errored lines are told apart: the caller's fail, the provider's go back and succeed", async () => {
    await open();
    const errored = (n: number, params: Record<string, string | number>, times = 1): void => {
      fixture.simulator.addFault({
        action: "errored",
        match: { lane: "batch", contains: line(n) },
        times,
        params,
      });
    };
    errored(1, { status: 400, message: "messages: Field required" }, 9);
    errored(2, { status: 404, message: "model: nobody" }, 9);
    errored(3, { status: 529 });
    errored(4, { status: 500, message: "Overloaded" });
    errored(5, { status: 504 });
    errored(6, { status: 400, message: "Unable to download the file. Please verify the URL." });
    await fixture.submit(120);
    await fixture.drive();
    expect((await judgeLane(fixture)).jobs).toEqual({ failed: 2, succeeded: 118 });
    expect(
      await fixture.rows(
        "SELECT line, failure_code, failure_fault, attempt_no FROM jobs WHERE state = 'failed' ORDER BY line",
      ),
    ).toEqual([
      { line: 2, failure_code: "invalid_request", failure_fault: "caller", attempt_no: 1 },
      { line: 3, failure_code: "not_found", failure_fault: "policy", attempt_no: 1 },
    ]);
    expect(
      await fixture.rows(
        "SELECT line, attempt_no, attempts_paid, tries FROM jobs WHERE attempt_no > 1 ORDER BY line",
      ),
    ).toEqual([4, 5, 6, 7].map((n) => ({ line: n, attempt_no: 2, attempts_paid: 1, tries: 1 })));
  });

  test("a line that never gets through ends after its tries, unpaid", async () => {
    await open({ settings: { SLUICE_TRIES_MAX: "4" } });
    fixture.simulator.addFault({
      action: "errored",
      match: { lane: "batch", contains: line(7) },
      times: null,
      params: { status: 529 },
    });
    await fixture.submit(120);
    await fixture.drive();
    expect((await judgeLane(fixture)).jobs).toEqual({ failed: 1, succeeded: 119 });
    expect(
      await fixture.rows(
        "SELECT failure_code, failure_fault, attempt_no, cost_nano FROM jobs WHERE state = 'failed'",
      ),
    ).toEqual([{ failure_code: "overloaded", failure_fault: "provider", attempt_no: 4, cost_nano: 0n }]);
  });
});

describe("lines with other ends", () => {
  test("lines that expire after 24 hours go into another batch; those that succeeded are kept", async () => {
    await open();
    fixture.simulator.addFault({ action: "expired", match: { lane: "batch", contains: line(9) } });
    await fixture.submit(120);
    await fixture.drive();
    expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 120 });
    expect(
      await fixture.rows("SELECT line_count, count_expired FROM message_batches ORDER BY line_count DESC"),
    ).toEqual([
      { line_count: 120, count_expired: 1 },
      { line_count: 1, count_expired: 0 },
    ]);
  });

  test("refused, truncated and broken answers are paid outcomes, each with its name", async () => {
    await open();
    for (const [n, action] of ["refusal", "truncate", "broken_json"].entries()) {
      fixture.simulator.addFault({ action, match: { lane: "batch", contains: line(n) } });
    }
    await fixture.submit(120);
    await fixture.drive();
    expect((await judgeLane(fixture)).jobs).toEqual({
      invalid_output: 1,
      refused: 1,
      succeeded: 117,
      truncated: 1,
    });
  });
});

describe("a batch that is canceled", () => {
  test("by the provider's own decision: finished lines are kept, the others go back", async () => {
    await open({ simulator: { batchDurationMs: { min: 10 * minuteMs, max: 10 * minuteMs } } });
    await fixture.submit(120);
    await fixture.drive(created);
    await fixture.advance(6 * minuteMs);
    await fixture.rows("UPDATE message_batches SET cancel_requested_at = now()");
    await fixture.drive();
    const [first] = await fixture.rows<{ count_succeeded: number; count_canceled: number }>(
      "SELECT count_succeeded, count_canceled FROM message_batches ORDER BY id LIMIT 1",
    );
    expect(first?.count_succeeded).toBeGreaterThan(0);
    expect(first?.count_canceled).toBeGreaterThan(0);
    expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 120 });
    expect(await fixture.rows("SELECT count(*) AS n FROM jobs WHERE tries > 0")).toEqual([{ n: 0n }]);
  });

  test("because its jobs were: what was computed is paid and booked, nothing goes back", async () => {
    await open({ simulator: { batchDurationMs: { min: 10 * minuteMs, max: 10 * minuteMs } } });
    await fixture.submit(120);
    await fixture.drive(created);
    await fixture.advance(6 * minuteMs);
    await fixture.rows(
      `UPDATE jobs SET state = 'canceled', cancel_requested_at = now(), finished_at = now(), finish_seq = nextval('job_finish_seq');
       UPDATE message_batches SET cancel_requested_at = now()`,
    );
    await fixture.drive();
    const report = await judgeLane(fixture);
    expect(report.jobs).toEqual({ canceled: 120 });
    expect(report.ledgerNano).toBeGreaterThan(0n);
  });
});

describe("polling", () => {
  test("404 soon after the create, server errors and lost answers do not end it", async () => {
    await open({ simulator: { createHiddenMs: 5 * minuteMs } });
    const polled = { path: "/v1/messages/batches/{id}", method: "GET" };
    fixture.simulator.addFault({ action: "error", match: polled, params: { status: 500 } });
    fixture.simulator.addFault({ action: "reset", match: polled });
    fixture.simulator.addFault({ action: "error", match: polled, params: { status: 429 } });
    await fixture.submit(120);
    await fixture.drive();
    expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 120 });
  });

  test("a refused key stops the credential, and the polls go on until it is accepted again", async () => {
    await open();
    fixture.simulator.addFault({
      action: "error",
      match: { path: "/v1/messages/batches/{id}", method: "GET" },
      times: 2,
      params: { status: 401 },
    });
    await fixture.submit(120);
    await fixture.drive(
      async () => (await fixture.rows("SELECT 1 FROM credentials WHERE stopped_at IS NOT NULL")).length > 0,
    );
    await fixture.drive();
    expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 120 });
    expect(await fixture.rows("SELECT stopped_at FROM credentials")).toEqual([{ stopped_at: null }]);
  });
});
