import fc from "fast-check";
import { expect, test } from "vitest";
import {
  addLengths,
  effectiveCap,
  noRecord,
  observedCap,
  rightSizing,
  samplesOf,
} from "../../src/domain/right-size.ts";
import type { SeenLength, SizedJob } from "../../src/domain/right-size.ts";

const seen = (tokens: number, answers: number, more: Partial<SeenLength> = {}): SeenLength => ({
  tokens,
  answers,
  truncated: false,
  sized: false,
  ...more,
});

test("199 answers say nothing, 200 do", () => {
  expect(observedCap(addLengths(noRecord, [seen(100, 199)]), 1_000)).toBeNull();
  const cap = observedCap(addLengths(noRecord, [seen(100, 200)]), 1_000);
  expect(cap).toBeGreaterThanOrEqual(125);
  expect(cap).toBeLessThan(140);
});

test("a cut answer counts as above the cap, whatever its length", () => {
  const cut = seen(50, 2, { truncated: true });
  // Two of 200 are a percent: more than the half percent that a cap may leave uncovered.
  expect(observedCap(addLengths(noRecord, [seen(100, 198), cut]), 1_000)).toBeNull();
  expect(observedCap(addLengths(noRecord, [seen(100, 398), cut]), 1_000)).not.toBeNull();
});

test("the cap is never above the declared one and never below the floor", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 130_000 }), fc.integer({ min: 1, max: 400 })), {
        minLength: 1,
        maxLength: 20,
      }),
      fc.integer({ min: 1, max: 128_000 }),
      (lengths, declared) => {
        const record = addLengths(
          noRecord,
          lengths.map(([tokens, answers]) => seen(tokens, answers)),
        );
        const cap = observedCap(record, declared);
        if (cap === null) return;
        expect(cap).toBeLessThan(declared);
        expect(cap).toBeGreaterThanOrEqual(rightSizing.floorTokens);
        const answers = lengths.reduce((sum, [, n]) => sum + n, 0);
        const cut = lengths.filter(([tokens]) => tokens > cap).reduce((sum, [, n]) => sum + n, 0);
        expect(cut / answers).toBeLessThanOrEqual(0.005);
      },
    ),
  );
});

test("above a percent of cut answers it switches itself off and stays off", () => {
  const lengths = addLengths(noRecord, [seen(100, 1_000)]);
  const sized = (answers: number, cut: number) =>
    addLengths(lengths, [
      seen(100, answers - cut, { sized: true }),
      seen(140, cut, { sized: true, truncated: true }),
    ]);
  expect(sized(200, 2).offReason).toBeNull();
  expect(sized(200, 3).offReason).toBe("3 of 200 answers were cut by the effective cap, above 1 %");
  // One of the first ten is no percentage of anything.
  expect(sized(10, 1).offReason).toBeNull();
  expect(sized(10, 3).offReason).not.toBeNull();
  const off = sized(200, 3);
  expect(observedCap(off, 1_000)).toBeNull();
  expect(addLengths(off, [seen(100, 5_000, { sized: true })]).offReason).toBe(off.offReason);
});

test("a record stays small and forgets", () => {
  let record = addLengths(noRecord, [seen(900, 15_000)]);
  for (let round = 0; round < 40; round += 1) record = addLengths(record, [seen(50, 5_000)]);
  expect(samplesOf(record)).toBeLessThanOrEqual(rightSizing.samplesMax);
  expect(observedCap(record, 1_000)).toBeLessThan(80);
});

const now = new Date("2026-11-25T12:00:00Z");
const job = (over: Partial<SizedJob> = {}): SizedJob => ({
  declaredTokens: 1_000,
  attemptsPaid: 0,
  attemptsMax: 3,
  fullCap: false,
  deadlineAt: null,
  ...over,
});
const capOf = (over: Partial<SizedJob>, observed: number | null = 120): number =>
  effectiveCap(job(over), observed, { now, turnMs: 60_000 });

test("a job is sent with less only where a second turn is left for it", () => {
  expect(capOf({})).toBe(120);
  expect(capOf({}, null)).toBe(1_000);
  expect(capOf({ declaredTokens: 100 })).toBe(100);
  expect(capOf({ fullCap: true })).toBe(1_000);
  expect(capOf({ attemptsPaid: 1 })).toBe(120);
  expect(capOf({ attemptsPaid: 2 })).toBe(1_000);
  expect(capOf({ attemptsMax: 1 })).toBe(1_000);
  expect(capOf({ deadlineAt: new Date(now.getTime() + 120_000) })).toBe(120);
  expect(capOf({ deadlineAt: new Date(now.getTime() + 119_999) })).toBe(1_000);
});
