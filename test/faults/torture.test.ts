// A few seeds of the torture with every run of the tests: promises 1, 2, 3 and 7 under kills, freezes, lost answers and stores that
// go away. `npm run torture` runs as many as one likes (docs/torture.md).

import { afterAll, beforeAll, expect, inject, test, vi } from "vitest";
import { openArena } from "./arena.ts";
import type { Arena } from "./arena.ts";
import { makeEdition } from "./edition.ts";
import { run } from "./run.ts";
import { scheduleOf } from "./schedule.ts";

vi.setConfig({ testTimeout: 90_000, hookTimeout: 120_000 });

let arena: Arena;
beforeAll(async () => {
  const place = { postgresUrl: inject("postgresUrl"), templateDatabase: inject("templateDatabase") };
  arena = await openArena(place, makeEdition([]));
});
afterAll(() => arena.close());

test.each([2, 11, 17, 23])("seed %i: the referee objects to nothing", async (seed) => {
  const report = await run(scheduleOf(seed), arena);
  expect(report.objections, report.output).toEqual([]);
});
