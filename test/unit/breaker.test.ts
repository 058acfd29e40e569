// When the breaker trips: by tables, and by properties where a table would only repeat the rule.
import fc from "fast-check";
import { expect, test } from "vitest";
import { attemptOutcomes, outcomeRules } from "../../src/domain/attempt.ts";
import {
  attemptsTrip,
  heldBackReasons,
  spendTrips,
  spendWorthALook,
  type BreakerRules,
} from "../../src/domain/breaker.ts";
import { stepReasons } from "../../src/domain/retry.ts";

const usd = (dollars: number): bigint => BigInt(Math.round(dollars * 1_000)) * 1_000_000n;
const rules: BreakerRules = {
  factor: 5,
  floorNano: usd(5),
  hourlyNano: null,
  failurePct: 50,
  retryPct: 50,
  attemptsMin: 100,
  historyHoursMin: 5,
};
const hours = (...dollars: number[]): bigint[] => dollars.map(usd);

test.each([
  ["above 5 times the median and above the floor", 10.001, [1, 2, 2, 3, 90], true],
  ["5 times the median exactly", 10, [1, 2, 2, 3, 90], false],
  ["above 5 times the median, below the floor", 4.9, [0.1, 0.1, 0.1, 0.1, 0.1], false],
  ["the floor exactly", 5, [0.1, 0.1, 0.1, 0.1, 0.1], false],
  ["of an even number of hours the lower middle one", 10.001, [1, 2, 2, 3, 3, 9], true],
  ["a history too short for a median", 1_000, [1, 1, 1, 1], false],
  ["no history at all", 1_000, [], false],
  ["a nightly run like the others", 40, [38, 41, 39, 40, 44], false],
])("%s: $%d against %j trips: %s", (_, recent, past, trips) => {
  expect(spendTrips(rules, usd(recent), hours(...past)) !== undefined).toBe(trips);
});

test("the reason has the figures", () => {
  expect(spendTrips(rules, usd(10.5), hours(1, 2, 2, 3, 90))).toBe(
    "$10.50 in the last hour, above 5 times the median hour of the last 7 days ($2.00, 5 hours with spend)",
  );
  expect(spendTrips({ ...rules, hourlyNano: usd(8) }, usd(9), [])).toBe(
    "$9.00 in the last hour, above the configured $8.00 an hour",
  );
});

test("a configured rate needs no history and no floor, and a factor of 0 leaves only it", () => {
  const rated = { ...rules, hourlyNano: usd(2), factor: 0 };
  expect(spendTrips(rated, usd(2.001), [])).toBeDefined();
  expect(spendTrips(rated, usd(2), hours(0.1, 0.1, 0.1, 0.1, 0.1))).toBeUndefined();
});

test("nothing below what is worth a look ever trips", () => {
  const anyRules = fc.record({
    factor: fc.integer({ min: 0, max: 20 }),
    floorNano: fc.bigInt({ min: 0n, max: 1_000n }),
    hourlyNano: fc.option(fc.bigInt({ min: 0n, max: 1_000n })),
  });
  const anyHours = fc.array(fc.bigInt({ min: 1n, max: 1_000n }), { maxLength: 20 });
  fc.assert(
    fc.property(anyRules, anyHours, fc.bigInt({ min: 0n, max: 30_000n }), (some, past, recent) => {
      const all = { ...rules, ...some };
      const least = spendWorthALook(all);
      if (least === null || recent <= least) expect(spendTrips(all, recent, past)).toBeUndefined();
    }),
  );
});

test("more spend never trips less, and the order of the hours is nothing", () => {
  const anyHours = fc.array(fc.bigInt({ min: 1n, max: 10n ** 12n }), { minLength: 5, maxLength: 168 });
  fc.assert(
    fc.property(
      anyHours,
      fc.bigInt({ min: 0n, max: 10n ** 13n }),
      fc.bigInt({ min: 0n, max: 10n ** 13n }),
      (past, recent, more) => {
        const trips = spendTrips(rules, recent, past) !== undefined;
        if (trips) expect(spendTrips(rules, recent + more, past)).toBeDefined();
        expect(spendTrips(rules, recent, past.toReversed()) !== undefined).toBe(trips);
      },
    ),
  );
});

test.each([
  [{ attempts: 100, failed: 51, retried: 0 }, "51 of the last 100 paid attempts failed, above 50 %"],
  [
    { attempts: 100, failed: 0, retried: 60 },
    "60 of the last 100 paid attempts were repetitions, above 50 %",
  ],
  [{ attempts: 100, failed: 50, retried: 50 }, undefined],
  [{ attempts: 99, failed: 99, retried: 99 }, undefined],
])("%j: %s", (counts, reason) => {
  expect(attemptsTrip(rules, counts)).toBe(reason);
});

test("a share of 0 switches its rule off", () => {
  const counts = { attempts: 100, failed: 100, retried: 100 };
  expect(attemptsTrip({ ...rules, failurePct: 0, retryPct: 0 }, counts)).toBeUndefined();
});

test("what was held back is no repetition; what may have been paid for and comes again is one", () => {
  const sentBack = attemptOutcomes.filter((outcome) => outcomeRules[outcome].next !== "final");
  const repetitions = [...sentBack, ...stepReasons].filter((reason) => !heldBackReasons.includes(reason));
  // A paused answer goes on for a reason of its own.
  expect(repetitions).toEqual(["paused", "unknown_end", "timed_out", "lost_worker", "results_lost"]);
});
