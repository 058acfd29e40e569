import { afterEach, expect, test } from "vitest";
import { judgeLane } from "./batch-judge.ts";
import { openBatchFixture } from "./batch-fixture.ts";
import type { BatchFixture } from "./batch-fixture.ts";

let fixture: BatchFixture | undefined;
afterEach(async () => {
  await fixture?.close();
  fixture = undefined;
});

test("lines go out in one batch, come back shuffled and are settled to the nano-dollar", async () => {
  fixture = await openBatchFixture();
  await fixture.submit(300);
  await fixture.drive();
  const report = await judgeLane(fixture);
  expect(report.jobs).toEqual({ succeeded: 300 });
  const batches = await fixture.rows(
    "SELECT state, line_count, count_succeeded, ingested_lines, adopted FROM message_batches",
  );
  expect(batches).toEqual([
    { state: "ingested", line_count: 300, count_succeeded: 300, ingested_lines: 300, adopted: false },
  ]);
  expect(report.ledgerNano).toBeGreaterThan(0n);
});
