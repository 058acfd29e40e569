// What a comparison of our books with the provider's figures explains, and what it leaves unexplained.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareBooks, dayAfter } from "../../src/domain/reconcile.ts";
import type { LedgerFigure, ProviderFigure, ProviderFigures } from "../../src/domain/reconcile.ts";

const span = { since: "2026-11-20", until: "2026-11-23" };
const model = "claude-haiku-5-5";

const ours = (part: Partial<LedgerFigure>): LedgerFigure => ({
  day: "2026-11-21",
  since: part.day ?? "2026-11-21",
  model,
  lane: "realtime",
  batchId: null,
  attempts: 1,
  settledNano: 0n,
  presumedNano: 0n,
  openNano: 0n,
  ...part,
});
const theirs = (part: Partial<ProviderFigure>): ProviderFigure => ({
  day: "2026-11-21",
  model,
  lane: "realtime",
  batchId: null,
  nano: 0n,
  uncertainNano: 0n,
  ...part,
});
const report = (figures: ProviderFigure[], more: Partial<ProviderFigures> = {}): ProviderFigures => ({
  figures,
  byBatch: false,
  sums: false,
  unpriced: [],
  ...more,
});
const brief = (mine: LedgerFigure[], other: ProviderFigures) =>
  compareBooks(mine, other, span).map((row) => [row.by, row.name, row.differenceNano, row.unexplainedNano]);

describe("books and figures", () => {
  test("that agree leave nothing, by whole span, model and day", () => {
    expect(brief([ours({ settledNano: 500n })], report([theirs({ nano: 500n })]))).toEqual([
      ["whole", "", 0n, 0n],
      ["model", model, 0n, 0n],
      ["day", "2026-11-21", 0n, 0n],
    ]);
  });

  test("what was booked at its worst case explains that we are above, and only by that much", () => {
    const mine = [ours({ settledNano: 500n, presumedNano: 100n })];
    expect(brief(mine, report([theirs({ nano: 520n })]))[0]).toEqual(["whole", "", 80n, 0n]);
    expect(brief(mine, report([theirs({ nano: 450n })]))[0]).toEqual(["whole", "", 150n, 50n]);
    expect(brief(mine, report([theirs({ nano: 700n })]))[0]).toEqual(["whole", "", -100n, 100n]);
  });

  test("work without an end yet explains that we are below, up to its worst case", () => {
    const mine = [ours({ settledNano: 500n }), ours({ openNano: 200n, attempts: 0 })];
    expect(brief(mine, report([theirs({ nano: 700n })]))[0]).toEqual(["whole", "", -200n, 0n]);
    expect(brief(mine, report([theirs({ nano: 701n })]))[0]).toEqual(["whole", "", -201n, 1n]);
    expect(brief(mine, report([theirs({ nano: 400n })]))[0]).toEqual(["whole", "", 100n, 100n]);
  });

  test("a batch over midnight is carried over exactly where the figures name it", () => {
    const mine = [
      ours({ day: "2026-11-22", since: "2026-11-21", batchId: "b1", lane: "batch", settledNano: 900n }),
    ];
    const other = report(
      [
        theirs({ day: "2026-11-21", batchId: "b1", lane: "batch", nano: 600n }),
        theirs({ day: "2026-11-22", batchId: "b1", lane: "batch", nano: 300n }),
      ],
      { byBatch: true },
    );
    expect(brief(mine, other)).toEqual([
      ["whole", "", 0n, 0n],
      ["model", model, 0n, 0n],
      ["day", "2026-11-21", -600n, 0n],
      ["day", "2026-11-22", 600n, 0n],
      ["batch", "b1", 0n, 0n],
    ]);
  });

  test("and up to what it was settled for where they do not", () => {
    const mine = [
      ours({ day: "2026-11-22", since: "2026-11-21", batchId: "b1", lane: "batch", settledNano: 900n }),
    ];
    const other = report([
      theirs({ day: "2026-11-21", lane: "batch", nano: 600n }),
      theirs({ day: "2026-11-22", lane: "batch", nano: 300n }),
    ]);
    expect(brief(mine, other).map((row) => row[3])).toEqual([0n, 0n, 0n, 0n]);
    const more = report([theirs({ day: "2026-11-21", lane: "batch", nano: 1_000n })]);
    expect(brief(mine, more).find((row) => row[1] === "2026-11-21")).toEqual([
      "day",
      "2026-11-21",
      -1_000n,
      100n,
    ]);
  });

  test("a batch that is settled wrongly is not excused by its days", () => {
    const mine = [ours({ batchId: "b1", lane: "batch", settledNano: 900n })];
    const other = report([theirs({ batchId: "b1", lane: "batch", nano: 800n })], { byBatch: true });
    expect(brief(mine, other).map((row) => row[3])).toEqual([100n, 100n, 100n, 100n]);
  });

  test("what two models share out between them shows in both", () => {
    const mine = [ours({ settledNano: 500n }), ours({ model: "claude-opus-5", settledNano: 100n })];
    const other = report([theirs({ nano: 400n }), theirs({ model: "claude-opus-5", nano: 200n })]);
    const rows = compareBooks(mine, other, span);
    expect(rows.map((row) => [row.by, row.unexplainedNano])).toEqual([
      ["whole", 0n],
      ["model", 100n],
      ["model", 100n],
      ["day", 0n],
    ]);
    expect(rows.find((row) => row.name === "claude-opus-5")?.unexplainedBasisPoints).toBe(5_000);
  });

  test("sums excuse a nano-dollar each, and the tier they do not tell", () => {
    const mine = [ours({ settledNano: 503n, attempts: 3 })];
    expect(brief(mine, report([theirs({ nano: 500n })], { sums: true }))[0]?.[3]).toBe(0n);
    expect(brief(mine, report([theirs({ nano: 500n })]))[0]?.[3]).toBe(3n);
    expect(brief(mine, report([theirs({ nano: 100n, uncertainNano: 400n })], { sums: true }))[0]?.[3]).toBe(
      0n,
    );
  });

  test("days outside the span are nobody's business", () => {
    const mine = [ours({ day: "2026-11-19", settledNano: 5n }), ours({ day: "2026-11-23", settledNano: 7n })];
    expect(brief(mine, report([]))).toEqual([["whole", "", 0n, 0n]]);
  });
});

test("nothing is explained away beyond what there is to explain it", () => {
  const nano = fc.bigInt({ min: 0n, max: 1_000n });
  fc.assert(
    fc.property(nano, nano, nano, nano, (settledNano, presumedNano, openNano, provider) => {
      const [row] = compareBooks(
        [ours({ settledNano, presumedNano, openNano })],
        report([theirs({ nano: provider })]),
        span,
      );
      const difference = settledNano + presumedNano - provider;
      const allowed = difference > 0n ? presumedNano : openNano;
      const size = difference < 0n ? -difference : difference;
      expect(row?.differenceNano).toBe(difference);
      expect(row?.unexplainedNano).toBe(size > allowed ? size - allowed : 0n);
    }),
  );
});

test("days follow each other over the ends of months and years", () => {
  expect(["2026-11-30", "2026-12-31", "2028-02-28"].map(dayAfter)).toEqual([
    "2026-12-01",
    "2027-01-01",
    "2028-02-29",
  ]);
});
