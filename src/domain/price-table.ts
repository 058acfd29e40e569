// What a token costs, in the provider's own columns. Every class has its own column because no ratio between them holds any
// more: a cache read is 0.025 to 0.1 of the input price, a threshold changes all five at once, and a price can change on a day.
// Source: the provider's pricing page and model pages, read October and November 2026. Numbers are US dollars per million
// tokens, as strings, exactly as they are published; they become pico-dollars per token once, below. Batch is half of each
// column and is applied in price.ts.

/** Prices of one prompt-size tier, in pico-dollars per token. */
export interface PriceTier {
  /** The tier holds while input + cache writes + cache reads is at most this; null is without limit. The last tier is null. */
  readonly promptTokensMax: number | null;
  readonly inputPico: bigint;
  readonly write5mPico: bigint;
  readonly write1hPico: bigint;
  readonly readPico: bigint;
  readonly outputPico: bigint;
}

/** One model's price over one span of time. */
export interface Price {
  /** Names the row for ever, so that an attempt can say by which price it was booked. */
  readonly id: string;
  readonly model: string;
  /** First instant of the span in Unix milliseconds, or null: since ever. */
  readonly fromMs: number | null;
  /** First instant after the span, or null: until further notice. */
  readonly untilMs: number | null;
  readonly tiers: readonly PriceTier[];
}

/** "0.125" dollars per million tokens → 125,000 pico-dollars per token. */
function picoPerToken(usdPerMillion: string): bigint {
  const [whole = "0", decimals = ""] = usdPerMillion.split(".");
  return BigInt(whole + decimals.padEnd(6, "0"));
}

/** Columns in the order of the provider's page: input, 5-minute write, 1-hour write, read, output. */
function tier(columns: string, promptTokensMax: number | null = null): PriceTier {
  const [input = "", write5m = "", write1h = "", read = "", output = ""] = columns.split(/\s+/);
  return {
    promptTokensMax,
    inputPico: picoPerToken(input),
    write5mPico: picoPerToken(write5m),
    write1hPico: picoPerToken(write1h),
    readPico: picoPerToken(read),
    outputPico: picoPerToken(output),
  };
}

function price(
  model: string,
  tiers: readonly PriceTier[],
  span: { from?: string; until?: string } = {},
): Price {
  return {
    id: span.from === undefined ? model : `${model}@${span.from}`,
    model,
    fromMs: span.from === undefined ? null : Date.parse(`${span.from}T00:00:00Z`),
    untilMs: span.until === undefined ? null : Date.parse(`${span.until}T00:00:00Z`),
    tiers,
  };
}

export const priceTable: readonly Price[] = [
  // The threshold decides for the whole request, output included.
  price("claude-haiku-5-5", [tier("0.10 0.125 0.20 0.01 0.50", 100_000), tier("0.50 0.625 1.00 0.05 2.50")]),
  price("claude-haiku-4-5", [tier("1 1.25 2 0.10 5")]),
  price("claude-sonnet-5-5", [tier("2 2.5 4 0.20 10")], { until: "2026-10-07" }),
  price("claude-sonnet-5-5", [tier("2 2.5 4 0.10 10")], { from: "2026-10-07" }),
  price("claude-sonnet-5", [tier("2 2.5 4 0.20 10")]),
  price("claude-sonnet-4-6", [tier("3 3.75 6 0.30 15")]),
  price("claude-sonnet-4-5", [tier("3 3.75 6 0.30 15")]),
  price("claude-opus-5-5", [tier("4 5 8 0.20 20")]),
  price("claude-opus-5", [tier("5 6.25 10 0.50 25")]),
  price("claude-opus-4-8", [tier("5 6.25 10 0.50 25")]),
  price("claude-opus-4-7", [tier("5 6.25 10 0.50 25")]),
  price("claude-opus-4-6", [tier("5 6.25 10 0.50 25")]),
  price("claude-opus-4-5", [tier("5 6.25 10 0.50 25")]),
  price("claude-fable-5-2", [tier("8 10 16 0.20 40")]),
  price("claude-fable-5-1", [tier("10 12.5 20 0.25 50")]),
  price("claude-fable-5", [tier("10 12.5 20 1 50")]),
  price("claude-mythos-5-1", [tier("10 12.5 20 0.25 50")]),
];

/** One web search, in nano-dollars ($10 per 1,000): never discounted, in no lane and no region. */
export const webSearchNanoUsd = 10_000_000n;
