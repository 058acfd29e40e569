// Promise 4 is judged from the provider's log; here the judge proves itself on a whole run. A program whose gate does not know of stops is
// stopped in the middle of its work, and the run of the very same schedule without that defect is objected to by nobody.

import { afterEach, expect, inject, test, vi } from "vitest";
import { openArena } from "./arena.ts";
import type { Arena } from "./arena.ts";
import { makeEdition } from "./edition.ts";
import type { Patch } from "./edition.ts";
import { plainProcesses } from "./plan.ts";
import type { Schedule } from "./plan.ts";
import { run } from "./run.ts";

vi.setConfig({ testTimeout: 90_000, hookTimeout: 120_000 });

let arena: Arena | undefined;
afterEach(async () => {
  await arena?.close();
  arena = undefined;
});

const openGate: Patch = {
  file: "src/control/flags.ts",
  find: "(this.permitted ? verdictOf(this.#open, work) : noPermission);",
  replace: "(this.permitted ? verdictOf(new Map(), work) : noPermission);",
};

/** So much work that calls would go on for as long as it is stopped. */
const stopped: Schedule = {
  seed: 1,
  processes: plainProcesses,
  bulks: [{ atMs: 0, queue: "alpha/main", urgency: "now", lines: 150, canceled: false }],
  ceilings: { "alpha/main": 2, "alpha/tight": 1, "beta/main": 1 },
  raiseAtMs: 2_500,
  provider: {
    latencyMs: { min: 300, max: 400 },
    batchDurationMs: { min: 200, max: 300 },
    createHiddenMs: 0,
    listLagMs: 0,
    resultsLagMs: 0,
  },
  stop: {
    atMs: 800,
    scope: "queue",
    queue: "alpha/main",
    bulk: 0,
    mode: "drain",
    by: "api",
    blow: null,
    liftedAfterMs: 1_500,
  },
  faults: [],
};

test.for<[program: string, patches: Patch[], objections: unknown[]]>([
  ["without the gate's eye for stops", [openGate], [expect.stringContaining("stop means stop")]],
  ["as it is", [], []],
])("a program %s, stopped in the middle of its work", async ([, patches, objections]) => {
  const place = { postgresUrl: inject("postgresUrl"), templateDatabase: inject("templateDatabase") };
  arena = await openArena(place, makeEdition(patches));
  const report = await run(stopped, arena);
  expect(report.objections, report.output).toEqual(objections);
});
