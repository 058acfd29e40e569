// Promise 2 has a condition: the provider lists a batch within `create_visibility` of accepting it. Here it does not. Then lines are paid
// twice; what must hold is that the loss is counted, and that it is still inside the ceiling.

import { afterAll, beforeAll, expect, inject, test, vi } from "vitest";
import { openArena } from "./arena.ts";
import type { Arena } from "./arena.ts";
import { makeEdition } from "./edition.ts";
import { plainProcesses } from "./plan.ts";
import type { Schedule } from "./plan.ts";
import { run } from "./run.ts";
import { createVisibilityMs, lateListingPatch } from "./timers.ts";

vi.setConfig({ testTimeout: 90_000, hookTimeout: 120_000 });

let arena: Arena;
beforeAll(async () => {
  const place = { postgresUrl: inject("postgresUrl"), templateDatabase: inject("templateDatabase") };
  arena = await openArena(place, makeEdition([lateListingPatch]));
});
afterAll(() => arena.close());

const lines = 24;

/** The answer to the create is lost, and the listing keeps it back until it has been given up, though not for as long as its money is held. */
const lie: Schedule = {
  seed: 1,
  processes: plainProcesses,
  bulks: [{ atMs: 0, queue: "alpha/main", urgency: "whenever", lines, canceled: false }],
  // Twice what the lines can cost at worst: what is in doubt stays held beside what is sent again.
  ceilings: { "alpha/main": 2, "alpha/tight": 1, "beta/main": 1 },
  raiseAtMs: 12_000,
  provider: {
    latencyMs: { min: 10, max: 20 },
    batchDurationMs: { min: 200, max: 300 },
    createHiddenMs: 0,
    listLagMs: createVisibilityMs + 1_200,
    resultsLagMs: 0,
  },
  stop: null,
  faults: [
    {
      kind: "provider",
      atMs: 0,
      request: {
        action: "lose_response",
        match: { path: "/v1/messages/batches", method: "POST", nth: 1 },
        params: { as: "reset" },
      },
    },
  ],
};

test("a batch that is listed too late: the loss is counted line by line, and the ceiling holds", async () => {
  const report = await run(lie, arena);
  expect(report.objections, report.output).toEqual([
    expect.stringContaining("no line is paid in two message batches: not so for 1"),
  ]);
  expect(report.objections[0]?.split("\n")).toHaveLength(2);
  expect(report.paidTwice).toBe(lines);
  expect(report).toMatchObject({ lost: 0, leaks: 0, overspendNano: 0n });
});
