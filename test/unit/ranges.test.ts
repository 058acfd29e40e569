import fc from "fast-check";
import { expect, test } from "vitest";
import { pagesByRange } from "../../src/postgres/ranges.ts";

const numbers = fc
  .uniqueArray(fc.integer({ min: 1, max: 200_000 }), { maxLength: 200 })
  .map((all) => all.toSorted((a, b) => a - b));

test("every row once and in order, whatever the gaps; no page wider or longer than it may be", async () => {
  await fc.assert(
    fc.asyncProperty(numbers, fc.integer({ min: 1, max: 20 }), fc.nat(1_000), async (all, rowsMax, after) => {
      const found: number[] = [];
      const pages = pagesByRange({
        after,
        last: all.at(-1) ?? 0,
        rowsMax,
        read: (from, to) => {
          expect(to - from).toBeLessThanOrEqual(50_000);
          return Promise.resolve(all.filter((one) => one > from && one <= to).slice(0, rowsMax));
        },
        numberOf: (one) => one,
      });
      for await (const page of pages) found.push(...page);
      expect(found).toEqual(all.filter((one) => one > after));
    }),
    { numRuns: 50 },
  );
});

test("a gap of a million costs few readings", async () => {
  let readings = 0;
  const pages = pagesByRange({
    after: 0,
    last: 1_000_000,
    rowsMax: 500,
    read: (_from, to) => {
      readings += 1;
      return Promise.resolve(to === 1_000_000 ? [1_000_000] : []);
    },
    numberOf: (one) => one,
  });
  for await (const page of pages) expect(page).toEqual([1_000_000]);
  expect(readings).toBeLessThan(40);
});
