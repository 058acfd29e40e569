import fc from "fast-check";
import { expect, test } from "vitest";
import { findModel, models } from "../../src/domain/models.ts";
import { priceTable } from "../../src/domain/price-table.ts";
import {
  costNanoUsd,
  costsNoMore,
  costRangeNanoUsd,
  findPrice,
  priceAt,
  promptTokens,
  worstCostNanoUsd,
} from "../../src/domain/price.ts";
import type { CostTraits, Usage } from "../../src/domain/price.ts";
import { priceNano } from "../../src/simulator/price.ts";
import { findModel as findSimulatedModel } from "../../src/simulator/models.ts";

const november = Date.UTC(2026, 10, 21);

function usage(part: Partial<Usage>): Usage {
  return {
    inputTokens: 0,
    cacheWrite5mTokens: 0,
    cacheWrite1hTokens: 0,
    cacheReadTokens: 0,
    outputTokens: 0,
    webSearches: 0,
    ranInUs: false,
    ...part,
  };
}

function priceOf(model: string, instantMs: number = november): NonNullable<ReturnType<typeof priceAt>> {
  const price = priceAt(model, instantMs);
  if (price === undefined) throw new Error(`no price for ${model}`);
  return price;
}

const anyModel = fc.constantFrom(...models.keys());
const anyLane = fc.constantFrom("realtime" as const, "batch" as const);
const tokens = fc.oneof(fc.nat(2_000), fc.nat(300_000));
const anyInstant = fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2027, 0, 1) });

test("an attempt is settled by the row its hold was taken with, found again by its id", () => {
  for (const price of priceTable) expect(findPrice(price.id)).toBe(price);
  expect(new Set(priceTable.map((price) => price.id)).size).toBe(priceTable.length);
});

test("every known model has exactly one price at every instant, and an unknown one has none", () => {
  fc.assert(
    fc.property(anyModel, anyInstant, (model, instant) => {
      const inForce = priceTable.filter(
        (price) =>
          price.model === model &&
          (price.fromMs ?? -Infinity) <= instant &&
          instant < (price.untilMs ?? Infinity),
      );
      expect(inForce).toEqual([priceAt(model, instant)]);
    }),
  );
  for (const id of ["claude-mythos-5-2", "claude-haiku-5", "", "claude-haiku-5-5-20261007", "__proto__"]) {
    expect(priceAt(id, november)).toBeUndefined();
  }
});

test("nothing inside the bound costs more than the worst case", () => {
  const traits: fc.Arbitrary<CostTraits> = fc.record({
    cacheWrite: fc.constantFrom("none", "5m", "1h"),
    mayRunInUs: fc.boolean(),
    webSearchesMax: fc.nat(50),
  });
  fc.assert(
    fc.property(
      fc.record({ model: anyModel, lane: anyLane, instant: anyInstant, traits }),
      fc.tuple(tokens, tokens, tokens, tokens, tokens),
      fc.tuple(fc.nat(100_000), fc.nat(5_000), fc.boolean()),
      (terms, [input, write5m, write1h, read, output], [inputSlack, outputSlack, us]) => {
        const { cacheWrite, webSearchesMax } = terms.traits;
        const actual = usage({
          inputTokens: input,
          cacheWrite5mTokens: cacheWrite === "none" ? 0 : write5m,
          cacheWrite1hTokens: cacheWrite === "1h" ? write1h : 0,
          cacheReadTokens: cacheWrite === "none" ? 0 : read,
          outputTokens: output,
          webSearches: Math.min(webSearchesMax, inputSlack),
          ranInUs: us && terms.traits.mayRunInUs,
        });
        const price = priceOf(terms.model, terms.instant);
        const bound = {
          inputTokensMax: promptTokens(actual) + inputSlack,
          outputTokensMax: output + outputSlack,
          lane: terms.lane,
          price,
        };
        const cost = costNanoUsd(actual, { lane: terms.lane, price });
        const worst = worstCostNanoUsd({ ...bound, traits: terms.traits });
        expect(worst).toBeGreaterThanOrEqual(cost);
        const withoutSearches = { ...terms.traits, webSearchesMax: 0 };
        expect(worstCostNanoUsd(bound)).toBeGreaterThanOrEqual(
          worstCostNanoUsd({ ...bound, traits: withoutSearches }),
        );
      },
    ),
    { numRuns: 1_000 },
  );
});

test("a request that may be charged for no more than what is held for another costs no more at worst", () => {
  const traits: fc.Arbitrary<CostTraits> = fc.record({
    cacheWrite: fc.constantFrom("none", "5m", "1h"),
    mayRunInUs: fc.boolean(),
    webSearchesMax: fc.nat(3),
  });
  fc.assert(
    fc.property(anyModel, anyInstant, tokens, traits, traits, (model, instant, input, one, held) => {
      const terms = { inputTokensMax: input, outputTokensMax: 100, lane: "batch" } as const;
      const worst = (of: CostTraits): bigint =>
        worstCostNanoUsd({ ...terms, price: priceOf(model, instant), traits: of });
      expect(costsNoMore(one, one)).toBe(true);
      if (costsNoMore(one, held)) expect(worst(one)).toBeLessThanOrEqual(worst(held));
    }),
    { numRuns: 1_000 },
  );
  const plain = { cacheWrite: "none", mayRunInUs: false, webSearchesMax: 0 } as const;
  for (const more of [{ cacheWrite: "5m" }, { mayRunInUs: true }, { webSearchesMax: 1 }] as const)
    expect(costsNoMore({ ...plain, ...more }, plain)).toBe(false);
});

test("the worst case is no more than the dearest usage there is", () => {
  const price = priceOf("claude-haiku-5-5");
  const plain = { cacheWrite: "none", mayRunInUs: false, webSearchesMax: 0 } as const;
  // 8,000 × 100 + 300 × 500 = 950,000; halved in a batch
  const small = { inputTokensMax: 8_000, outputTokensMax: 300, price, traits: plain };
  expect(worstCostNanoUsd({ ...small, lane: "realtime" })).toBe(950_000n);
  expect(worstCostNanoUsd({ ...small, lane: "batch" })).toBe(475_000n);
  // 1-hour writes: 8,000 × 200 + 150,000 = 1,750,000; in the US × 1.1
  expect(
    worstCostNanoUsd({
      ...small,
      lane: "realtime",
      traits: { cacheWrite: "1h", mayRunInUs: true, webSearchesMax: 0 },
    }),
  ).toBe(1_925_000n);
  // Five searches at $10 per 1,000, whole in either lane: 950,000 + 50,000,000
  const searching = { ...small, traits: { ...plain, webSearchesMax: 5 } };
  expect(worstCostNanoUsd({ ...searching, lane: "realtime" })).toBe(50_950_000n);
  expect(worstCostNanoUsd({ ...searching, lane: "batch" })).toBe(50_475_000n);
  // A bound above the threshold is held at the dear tier: 100,001 × 500 + 300 × 2,500
  expect(worstCostNanoUsd({ ...small, inputTokensMax: 100_001, lane: "realtime" })).toBe(50_750_500n);
});

test("our prices and the simulator's, written independently, agree on every usage", () => {
  fc.assert(
    fc.property(
      fc.record({
        model: anyModel,
        lane: anyLane,
        instant: anyInstant,
        us: fc.boolean(),
        searches: fc.nat(3),
      }),
      fc.tuple(tokens, tokens, tokens, tokens, tokens),
      (terms, [inputTokens, write5mTokens, write1hTokens, readTokens, outputTokens]) => {
        const ours = costNanoUsd(
          usage({
            inputTokens,
            cacheWrite5mTokens: write5mTokens,
            cacheWrite1hTokens: write1hTokens,
            cacheReadTokens: readTokens,
            outputTokens,
            webSearches: terms.searches,
            ranInUs: terms.us,
          }),
          { lane: terms.lane, price: priceOf(terms.model, terms.instant) },
        );
        const theirs = priceNano(
          findSimulatedModel(terms.model)?.id ?? "",
          {
            inputTokens,
            write5mTokens,
            write1hTokens,
            readTokens,
            outputTokens,
            webSearches: terms.searches,
          },
          { lane: terms.lane, geo: terms.us ? "us" : null, atMs: terms.instant },
        );
        expect(ours).toBe(theirs);
      },
    ),
    { numRuns: 500 },
  );
});

test("dated ids mean the same model", () => {
  expect(findModel("claude-opus-4-5-20251101")).toBe(findModel("claude-opus-4-5"));
  expect(findModel("claude-sonnet-4-5-20250929")?.id).toBe("claude-sonnet-4-5");
});

test("what attempts cost together lies in the range of their sum, but for a nano-dollar each", () => {
  fc.assert(
    fc.property(
      fc.record({ model: anyModel, lane: anyLane, instant: anyInstant, us: fc.boolean() }),
      fc.array(fc.tuple(tokens, tokens, tokens), { minLength: 1, maxLength: 5 }),
      ({ model, lane, instant, us }, attempts) => {
        const price = priceOf(model, instant);
        const usages = attempts.map(([inputTokens, cacheReadTokens, outputTokens]) =>
          usage({ inputTokens, cacheReadTokens, outputTokens, ranInUs: us }),
        );
        const total = usages.reduce((sum, each) => sum + costNanoUsd(each, { lane, price }), 0n);
        const together = usage({
          inputTokens: usages.reduce((sum, each) => sum + each.inputTokens, 0),
          cacheReadTokens: usages.reduce((sum, each) => sum + each.cacheReadTokens, 0),
          outputTokens: usages.reduce((sum, each) => sum + each.outputTokens, 0),
          ranInUs: us,
        });
        const { leastNano, mostNano } = costRangeNanoUsd(together, { lane, price, promptTokensMin: 0 });
        expect(total).toBeGreaterThanOrEqual(leastNano);
        expect(total).toBeLessThanOrEqual(mostNano + BigInt(usages.length));
      },
    ),
  );
});
