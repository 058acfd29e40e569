// What must be true of a batch lane at rest: the books equal the provider's bill, every job has one outcome, nothing is held.

import { expect } from "vitest";
import type { BatchFixture } from "./batch-fixture.ts";

export interface LaneReport {
  /** Jobs by state. */
  readonly jobs: Record<string, number>;
  readonly ledgerNano: bigint;
}

/** Fails the test with the first thing that is not so. `voidHolds`: holds of void batches whose time is not over; `foreignNano`: what strangers owe. */
export async function judgeLane(
  fixture: BatchFixture,
  { voidHolds = 0, foreignNano = 0n } = {},
): Promise<LaneReport> {
  const one = async (text: string): Promise<bigint> =>
    BigInt((await fixture.rows<{ n: string }>(text))[0]?.n ?? -1);
  expect(
    await one("SELECT count(*) AS n FROM jobs WHERE finished_at IS NULL"),
    "jobs without an outcome",
  ).toBe(0n);
  expect(await one("SELECT count(*) AS n FROM attempts WHERE state = 'open'"), "open attempts").toBe(0n);
  expect(await one("SELECT count(*) AS n FROM holds WHERE state = 'open'"), "open holds").toBe(
    BigInt(voidHolds),
  );
  expect(
    await one(
      "SELECT count(*) AS n FROM budget_windows w WHERE held_nano <> (SELECT coalesce(sum(remaining_nano), 0) FROM hold_parts WHERE window_id = w.id)",
    ),
    "windows whose held money is not that of their holds",
  ).toBe(0n);
  expect(
    await one("SELECT count(*) AS n FROM budget_windows WHERE spent_nano + held_nano > limit_nano"),
    "ceilings passed",
  ).toBe(0n);
  if (voidHolds === 0)
    expect(await one("SELECT coalesce(sum(held_nano), 0) AS n FROM budget_windows"), "held money").toBe(0n);
  const ledgerNano = await one("SELECT coalesce(sum(amount_nano), 0) AS n FROM ledger");
  expect(ledgerNano, "the ledger against the bill").toBe((await fixture.simulator.totalNano()) - foreignNano);
  expect(await one("SELECT coalesce(sum(cost_nano), 0) AS n FROM jobs"), "the cost of jobs").toBe(ledgerNano);
  expect(
    await one(
      "SELECT count(*) AS n FROM jobs j LEFT JOIN job_results r ON r.job_id = j.id WHERE j.state = 'succeeded' AND r.output IS NULL",
    ),
    "successes without an output",
  ).toBe(0n);
  const states = await fixture.rows<{ state: string; n: string }>(
    "SELECT state, count(*) AS n FROM jobs GROUP BY state ORDER BY state",
  );
  return { jobs: Object.fromEntries(states.map(({ state, n }) => [state, Number(n)])), ledgerNano };
}
