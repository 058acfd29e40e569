import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findModel, models } from "../../src/domain/models.ts";
import { priceTable } from "../../src/domain/price-table.ts";
import { costNanoUsd, findPrice, priceAt, promptTokens, worstCostNanoUsd } from "../../src/domain/price.ts";
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

describe("the cost of an attempt, by hand", () => {
  // [model, lane, usage, nano-dollars]; a price of $1 per million tokens is 1,000 nano-dollars per token.
  const rows: [string, "realtime" | "batch", Partial<Usage>, bigint][] = [
    // 1,000 × 100 = 100,000
    ["claude-haiku-5-5", "realtime", { inputTokens: 1_000 }, 100_000n],
    // 1,000 × 100 / 2 = 50,000
    ["claude-haiku-5-5", "batch", { inputTokens: 1_000 }, 50_000n],
    // 30 × 500 = 15,000
    ["claude-haiku-5-5", "realtime", { outputTokens: 30 }, 15_000n],
    // 1,700 × 100 + 30 × 500 = 170,000 + 15,000
    ["claude-haiku-5-5", "realtime", { inputTokens: 1_700, outputTokens: 30 }, 185_000n],
    // (1,700 × 100 + 30 × 500) / 2 = 92,500
    ["claude-haiku-5-5", "batch", { inputTokens: 1_700, outputTokens: 30 }, 92_500n],
    // 1 × 100 / 2 = 50
    ["claude-haiku-5-5", "batch", { inputTokens: 1 }, 50n],
    // 1 read: 10 / 2 = 5
    ["claude-haiku-5-5", "batch", { cacheReadTokens: 1 }, 5n],
    // 1 write of 5 minutes: 125 / 2 = 62.5, rounded up once
    ["claude-haiku-5-5", "batch", { cacheWrite5mTokens: 1 }, 63n],
    // 2 writes: 125, not 2 × 63: rounding is of the sum
    ["claude-haiku-5-5", "batch", { cacheWrite5mTokens: 2 }, 125n],
    // 100,000 × 100: the last prompt of the first tier
    ["claude-haiku-5-5", "realtime", { inputTokens: 100_000 }, 10_000_000n],
    // 100,001 × 500: one token more and all of it costs five times as much
    ["claude-haiku-5-5", "realtime", { inputTokens: 100_001 }, 50_000_500n],
    // the threshold counts cache classes too: 50,000 × 500 + 50,001 × 50 = 25,000,000 + 2,500,050
    ["claude-haiku-5-5", "realtime", { inputTokens: 50_000, cacheReadTokens: 50_001 }, 27_500_050n],
    // and changes the output: 100,001 × 500 + 10 × 2,500
    ["claude-haiku-5-5", "realtime", { inputTokens: 100_001, outputTokens: 10 }, 50_025_500n],
    // writes above the threshold: 60,000 × 625 + 60,000 × 1,000 = 37,500,000 + 60,000,000
    ["claude-haiku-5-5", "realtime", { cacheWrite5mTokens: 60_000, cacheWrite1hTokens: 60_000 }, 97_500_000n],
    // US: 1,000 × 100 × 1.1 = 110,000
    ["claude-haiku-5-5", "realtime", { inputTokens: 1_000, ranInUs: true }, 110_000n],
    // US in batch: 1 × 100 × 1.1 / 2 = 55
    ["claude-haiku-5-5", "batch", { inputTokens: 1, ranInUs: true }, 55n],
    // US read: 1 × 10 × 1.1 / 2 = 5.5, up
    ["claude-haiku-5-5", "batch", { cacheReadTokens: 1, ranInUs: true }, 6n],
    // search is never discounted: 3 × 10,000,000 + 50
    ["claude-haiku-5-5", "batch", { inputTokens: 1, webSearches: 3 }, 30_000_050n],
    // nor dearer in the US: 10,000,000 + 110
    ["claude-haiku-5-5", "realtime", { inputTokens: 1, webSearches: 1, ranInUs: true }, 10_000_110n],
    // Sonnet 5.5, all classes: 10 × 2,000 + 10 × 2,500 + 10 × 4,000 + 10 × 100 + 10 × 10,000 = 186,000
    [
      "claude-sonnet-5-5",
      "realtime",
      {
        inputTokens: 10,
        cacheWrite5mTokens: 10,
        cacheWrite1hTokens: 10,
        cacheReadTokens: 10,
        outputTokens: 10,
      },
      186_000n,
    ],
    // Opus 5.5 read, 0.05 of input: 100 × 200 = 20,000
    ["claude-opus-5-5", "realtime", { cacheReadTokens: 100 }, 20_000n],
    // Fable 5.1 read, 0.025 of input: 100 × 250 = 25,000
    ["claude-fable-5-1", "realtime", { cacheReadTokens: 100 }, 25_000n],
    // Fable 5.2: 7 × 8,000 + 3 × 40,000 = 176,000, halved
    ["claude-fable-5-2", "batch", { inputTokens: 7, outputTokens: 3 }, 88_000n],
    // Haiku 4.5 by its dated id: 11 × 1,000 + 5 × 5,000 = 36,000
    ["claude-haiku-4-5-20251001", "realtime", { inputTokens: 11, outputTokens: 5 }, 36_000n],
    // Opus 4.8: 8 writes × 6,250 = 50,000, halved
    ["claude-opus-4-8", "batch", { cacheWrite5mTokens: 8 }, 25_000n],
    // nothing used, nothing paid (a refusal before the first token)
    ["claude-opus-5", "realtime", {}, 0n],
  ];
  for (const [model, lane, part, nano] of rows) {
    test(`${model} ${lane} ${JSON.stringify(part)} costs ${nano}`, () => {
      expect(costNanoUsd(usage(part), { lane, price: priceOf(model) })).toBe(nano);
    });
  }
});

const anyModel = fc.constantFrom(...models.keys());
const anyLane = fc.constantFrom("realtime" as const, "batch" as const);
const tokens = fc.oneof(fc.nat(2_000), fc.nat(300_000));
const anyInstant = fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2027, 0, 1) });

test("a price changes on its day and only then", () => {
  const read = usage({ cacheReadTokens: 1_000 });
  const before = priceOf("claude-sonnet-5-5", Date.UTC(2026, 9, 7) - 1);
  const after = priceOf("claude-sonnet-5-5", Date.UTC(2026, 9, 7));
  // 1,000 × 200 and 1,000 × 100
  expect(costNanoUsd(read, { lane: "realtime", price: before })).toBe(200_000n);
  expect(costNanoUsd(read, { lane: "realtime", price: after })).toBe(100_000n);
});

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
  });
  fc.assert(
    fc.property(
      fc.record({ model: anyModel, lane: anyLane, instant: anyInstant, traits }),
      fc.tuple(tokens, tokens, tokens, tokens, tokens),
      fc.tuple(fc.nat(100_000), fc.nat(5_000), fc.boolean()),
      (terms, [input, write5m, write1h, read, output], [inputSlack, outputSlack, us]) => {
        const { cacheWrite } = terms.traits;
        const actual = usage({
          inputTokens: input,
          cacheWrite5mTokens: cacheWrite === "none" ? 0 : write5m,
          cacheWrite1hTokens: cacheWrite === "1h" ? write1h : 0,
          cacheReadTokens: cacheWrite === "none" ? 0 : read,
          outputTokens: output,
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
        expect(worstCostNanoUsd(bound)).toBeGreaterThanOrEqual(worst);
      },
    ),
    { numRuns: 1_000 },
  );
});

test("the worst case is no more than the dearest usage there is", () => {
  const price = priceOf("claude-haiku-5-5");
  const plain = { cacheWrite: "none", mayRunInUs: false } as const;
  // 8,000 × 100 + 300 × 500 = 950,000; halved in a batch
  const small = { inputTokensMax: 8_000, outputTokensMax: 300, price, traits: plain };
  expect(worstCostNanoUsd({ ...small, lane: "realtime" })).toBe(950_000n);
  expect(worstCostNanoUsd({ ...small, lane: "batch" })).toBe(475_000n);
  // 1-hour writes: 8,000 × 200 + 150,000 = 1,750,000; in the US × 1.1
  expect(
    worstCostNanoUsd({ ...small, lane: "realtime", traits: { cacheWrite: "1h", mayRunInUs: true } }),
  ).toBe(1_925_000n);
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
