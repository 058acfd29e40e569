import fc from "fast-check";
import { expect, test } from "vitest";
import { shareOut, withinPlaces } from "../../src/domain/share.ts";
import type { WaitingBulk } from "../../src/domain/share.ts";

const bulk = (over: Partial<WaitingBulk> & { bulkId: string }): WaitingBulk => ({
  tenantId: "a",
  queueId: "q",
  waiting: 1_000,
  out: 0,
  concurrencyMax: null,
  ...over,
});

test("a tenant with fifty bulks gets no more turns than one with a single bulk", () => {
  const many = Array.from({ length: 50 }, (_, n) => bulk({ bulkId: `a${n}`, queueId: `q${n % 10}` }));
  const dealt = shareOut(100, [...many, bulk({ bulkId: "b", tenantId: "b" })], 0);
  expect(dealt.get("b")).toBe(50);
});

test("places that one tenant does not want go to whoever still has work", () => {
  const dealt = shareOut(10, [bulk({ bulkId: "a" }), bulk({ bulkId: "b", tenantId: "b", waiting: 2 })], 0);
  expect(dealt).toEqual(
    new Map([
      ["a", 8],
      ["b", 2],
    ]),
  );
});

test("a queue's limit on concurrency counts what is out already", () => {
  const dealt = shareOut(
    10,
    [bulk({ bulkId: "a", out: 4, concurrencyMax: 5 }), bulk({ bulkId: "a2", out: 4, concurrencyMax: 5 })],
    0,
  );
  expect([...dealt.values()].reduce((sum, n) => sum + n, 0)).toBe(1);
});

test("a shared queue has one limit on concurrency for all its tenants", () => {
  const shared = { queueId: "shared", out: 2, concurrencyMax: 5 };
  const dealt = shareOut(
    10,
    [bulk({ bulkId: "a", ...shared }), bulk({ bulkId: "b", tenantId: "b", ...shared })],
    0,
  );
  expect([...dealt.values()].toSorted((a, b) => a - b)).toEqual([1, 2]);
});

test("no more is dealt than there is, nothing is left undealt, and nobody gets more than he has", () => {
  const bulks = fc.array(
    fc.record({
      tenantId: fc.constantFrom("a", "b", "c"),
      queueId: fc.constantFrom("q", "r"),
      waiting: fc.integer({ min: 1, max: 30 }),
    }),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(
      bulks,
      fc.integer({ min: 0, max: 200 }),
      fc.integer({ min: 0, max: 50 }),
      (rows, places, turn) => {
        const waiting = rows.map((row, n) =>
          bulk({ ...row, queueId: `${row.tenantId}${row.queueId}`, bulkId: `b${n}` }),
        );
        const dealt = shareOut(places, waiting, turn);
        const total = waiting.reduce((sum, row) => sum + row.waiting, 0);
        expect([...dealt.values()].reduce((sum, n) => sum + n, 0)).toBe(Math.min(places, total));
        for (const row of waiting) expect(dealt.get(row.bulkId) ?? 0).toBeLessThanOrEqual(row.waiting);
      },
    ),
  );
});

test("no bulk gets more than it was dealt, and those that come first get it", () => {
  const jobs = ["a1", "b1", "a2", "a3", "b2", "c1"];
  const places = new Map([
    ["a", 2],
    ["b", 1],
  ]);
  expect(withinPlaces(jobs, places, (job) => job.charAt(0))).toEqual(["a1", "b1", "a2"]);
});
