import fc from "fast-check";
import { expect, test } from "vitest";
import { bindingLimit, expectedCost, timeToFinish, type Observed } from "../../src/domain/quote.ts";

const load = (realtime: number, batch: number) => ({
  realtime: { jobs: realtime, worstNano: BigInt(realtime) * 1_000n },
  batch: { jobs: batch, worstNano: BigInt(batch) * 500n },
});
const seen = (over: Partial<Observed>): Observed => ({
  lane: "realtime",
  attempts: 100,
  costNano: 200n,
  worstNano: 1_000n,
  batchS: null,
  ...over,
});

test("the expected cost is the share that was really paid, and a prior where too little is known", () => {
  expect(expectedCost(load(10, 0), [seen({})])).toEqual({ nano: 2_000n, samples: 100 });
  expect(expectedCost(load(10, 0), [seen({ attempts: 19 })])).toEqual({ nano: 3_000n, samples: 0 });
  // One lane known and the other not: the whole rests on a prior.
  expect(expectedCost(load(10, 10), [seen({})])).toEqual({ nano: 2_000n + 1_500n, samples: 0 });
  expect(expectedCost(load(0, 0), [])).toEqual({ nano: 0n, samples: 0 });
});

test("the expectation is never above the worst case, whatever was observed", () => {
  fc.assert(
    fc.property(
      fc.nat(1_000),
      fc.nat(1_000),
      fc.bigInt(0n, 10n ** 12n),
      fc.bigInt(0n, 10n ** 12n),
      (r, b, cost, worst) => {
        const both = load(r, b);
        const observed = [
          seen({ costNano: cost, worstNano: worst }),
          seen({ lane: "batch", costNano: cost, worstNano: worst }),
        ];
        const { nano } = expectedCost(both, observed);
        expect(nano).toBeLessThanOrEqual(both.realtime.worstNano + both.batch.worstNano);
        expect(nano).toBeGreaterThanOrEqual(0n);
      },
    ),
  );
});

test("the end comes when the pace has taken what is ahead and the batch its usual time", () => {
  const speed = { requestsPerMinute: 60, realtimeAhead: 30 };
  expect(timeToFinish(load(10, 5), [seen({ lane: "batch", batchS: 900.2 })], speed)).toEqual({
    realtime: 40,
    batch: 901,
  });
  expect(timeToFinish(load(0, 5), [], speed)).toEqual({ realtime: null, batch: 3_600 });
});

test("the limit that binds: the tightest budget that is short, else the slower lane", () => {
  const rooms = [
    { budgetId: "wide", availableNano: 900n },
    { budgetId: "tight", availableNano: 100n },
  ];
  expect(bindingLimit(500n, rooms, { realtime: 1, batch: 2 })).toEqual({
    kind: "budget",
    budgetId: "tight",
    availableNano: 100n,
  });
  expect(bindingLimit(100n, rooms, { realtime: 9, batch: 2 })).toEqual({ kind: "rate" });
  expect(bindingLimit(100n, [], { realtime: null, batch: 2 })).toEqual({ kind: "batch" });
});
