// What a drill says it has shown. That it does what it says, in a running system: test/e2e/stop-means-stop.test.ts.
import { afterAll, beforeAll, expect, test } from "vitest";
import { exitCodes } from "../../src/cli/exit-codes.ts";
import { openAnswering, type Answering } from "./answering.ts";
import { documentOf, run } from "./cli.ts";

let service: Answering;
beforeAll(async () => {
  service = await openAnswering();
});
afterAll(() => service.close());

const bulk = (state: string, counts: Record<string, number>) => ({
  id: "b1",
  queue: "drill",
  type: "message",
  state,
  accepted: 200,
  counts: { state: counts, outcome: {}, lane: {} },
  progress: { done: 0, total: 200, percent: 0 },
  cost_usd: "0.00",
  presumed_usd: "0.00",
  realtime_only_usd: "0.00",
  saved_pct: 0,
  wait_reason: null,
  wait_detail: null,
  eta: null,
});
const receipt = (calls: { in_flight: number; aborted: number }, batches: Record<string, number> = {}) => ({
  id: "s1",
  state: "complete",
  set_at: "2026-11-25T10:00:00.000Z",
  set_by: "person:operator",
  completed_at: "2026-11-25T10:00:00.120Z",
  unconfirmed: 0,
  processes: [{ last_call_at: null }, { last_call_at: null }],
  calls,
  batches: { count: batches },
});
const drill = (load: unknown, stop: unknown, ...argv: string[]) => {
  service.answer({ "POST /v1/bulks": { id: "b1" }, "GET /v1/bulks/b1": load, "POST /v1/stops": stop });
  return run(["drill", ...argv], { environment: service.environment });
};

test("a drill says what was in flight when it was pulled", async () => {
  const stop = receipt({ in_flight: 3, aborted: 9 }, { goes_on: 1, ended: 4, not_sent: 2 });
  const ran = await drill(bulk("running", { running: 12 }), stop);
  expect(ran).toMatchObject({ code: exitCodes.done, stderr: "" });
  expect(ran.stdout).toContain("In flight when it was pulled: 12 calls, 1 message batches.");
  expect(ran.stdout).toContain("Quiet after 120 ms: 2 processes confirmed, 9 calls aborted.");
  expect(ran.stdout).not.toContain("NOTHING");
  const printed = await drill(bulk("running", { running: 12 }), stop, "--json");
  expect(documentOf(printed)).toMatchObject({ in_flight: 12, batches_in_flight: 1, aborted: 9 });
});

test("with nothing in flight it says that it has shown the way of the signal only, and lifts all the same", async () => {
  const ran = await drill(bulk("finished", { succeeded: 200 }), receipt({ in_flight: 0, aborted: 0 }));
  expect(ran).toMatchObject({ code: exitCodes.done, stderr: "" });
  expect(ran.stdout).toContain("In flight when it was pulled: 0 calls, 0 message batches.");
  expect(ran.stdout).toMatch(/^NOTHING WAS IN FLIGHT: this shows only that the signal reaches .*--calls/m);
  expect(service.asked.at(-1)).toBe("POST /v1/stops/s1/lift");
});
