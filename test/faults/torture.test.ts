// A few seeds of the torture with every run of the tests: promises 1, 2, 3, 4 and 7 under kills, freezes, lost answers, stops, and stores
// that die. `npm run torture` runs as many as one likes (docs/torture.md).

import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { openPrivatePostgres } from "../support/private-postgres.ts";
import type { PrivatePostgres } from "../support/private-postgres.ts";
import { openArena } from "./arena.ts";
import type { Arena } from "./arena.ts";
import { makeEdition } from "./edition.ts";
import { run } from "./run.ts";
import { scheduleOf } from "./schedule.ts";

vi.setConfig({ testTimeout: 90_000, hookTimeout: 120_000 });

let postgres: PrivatePostgres;
let arena: Arena;
beforeAll(async () => {
  postgres = await openPrivatePostgres();
  arena = await openArena(postgres, makeEdition([]));
});
afterAll(async () => {
  await arena.close();
  await postgres.close();
});

// A stop; PostgreSQL killed; Redis loses what it holds; a stop in a run that kills PostgreSQL.
test.each([2, 10, 13, 17])("seed %i: the referee objects to nothing", async (seed) => {
  const report = await run(scheduleOf(seed), arena);
  expect(report.objections, report.output).toEqual([]);
});
