/**
 * What the provider charges. Whole pico-dollars per token in bigint (a dollar per million tokens is 1,000,000 pico-dollars
 * per token), so no sum is ever rounded; each call or line is rounded once, up, to a nano-dollar.
 *
 * Written from the provider's price list on its own, not shared with the product: the two tables check each other.
 * Rows with `until` end at that instant (UTC). The tier of claude-haiku-5-5 goes by the whole prompt: uncached + cache
 * writes + cache reads, and applies to the whole request including output.
 */
export interface Usage {
  readonly inputTokens: number;
  readonly write5mTokens: number;
  readonly write1hTokens: number;
  readonly readTokens: number;
  readonly outputTokens: number;
  readonly webSearches: number;
}

export type Lane = "realtime" | "batch";

interface Rate {
  readonly input: bigint;
  readonly write5m: bigint;
  readonly write1h: bigint;
  readonly read: bigint;
  readonly output: bigint;
}

interface Row {
  readonly rate: Rate;
  /** Exclusive end of validity in epoch milliseconds. */
  readonly untilMs?: number;
  /** Applies when the whole prompt has at most this many tokens. */
  readonly promptTokensMax?: number;
}

/** US dollars per million tokens, as printed in the price list. */
const usd = (
  input: string,
  write5m: string,
  write1h: string,
  [read, output]: readonly [string, string],
): Rate => ({
  input: pico(input),
  write5m: pico(write5m),
  write1h: pico(write1h),
  read: pico(read),
  output: pico(output),
});

/** "0.125" dollars per million tokens → 125,000 pico-dollars per token. */
const pico = (dollarsPerMillion: string): bigint => {
  const [whole = "0", fraction = ""] = dollarsPerMillion.split(".");
  return BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, "0"));
};

const fable52 = usd("8", "10", "16", ["0.20", "40"]);
const fable51 = usd("10", "12.5", "20", ["0.25", "50"]);
const fable5 = usd("10", "12.5", "20", ["1", "50"]);
const opus55 = usd("4", "5", "8", ["0.20", "20"]);
const opus = usd("5", "6.25", "10", ["0.50", "25"]);
const sonnet5 = usd("2", "2.5", "4", ["0.20", "10"]);
const sonnet4 = usd("3", "3.75", "6", ["0.30", "15"]);
const haiku45 = usd("1", "1.25", "2", ["0.10", "5"]);

const table: Readonly<Record<string, readonly Row[]>> = {
  "claude-fable-5-2": [{ rate: fable52 }],
  "claude-fable-5-1": [{ rate: fable51 }],
  "claude-mythos-5-1": [{ rate: fable51 }],
  "claude-fable-5": [{ rate: fable5 }],
  "claude-mythos-5": [{ rate: fable5 }],
  "claude-opus-5-5": [{ rate: opus55 }],
  "claude-opus-5": [{ rate: opus }],
  "claude-opus-4-8": [{ rate: opus }],
  "claude-opus-4-7": [{ rate: opus }],
  "claude-opus-4-6": [{ rate: opus }],
  "claude-opus-4-5-20251101": [{ rate: opus }],
  "claude-sonnet-5-5": [
    { rate: sonnet5, untilMs: Date.UTC(2026, 9, 7) },
    { rate: usd("2", "2.5", "4", ["0.10", "10"]) },
  ],
  "claude-sonnet-5": [{ rate: sonnet5 }],
  "claude-sonnet-4-6": [{ rate: sonnet4 }],
  "claude-sonnet-4-5-20250929": [{ rate: sonnet4 }],
  "claude-haiku-5-5": [
    { rate: usd("0.10", "0.125", "0.20", ["0.01", "0.50"]), promptTokensMax: 100_000 },
    { rate: usd("0.50", "0.625", "1.00", ["0.05", "2.50"]) },
  ],
  "claude-haiku-4-5-20251001": [{ rate: haiku45 }],
};

/** 10 dollars per 1,000 searches, never discounted. */
const picoPerWebSearch = 10_000_000_000n;

const rateOf = (model: string, promptTokens: number, atMs: number): Rate | undefined =>
  table[model]?.find(
    (row) =>
      (row.untilMs === undefined || atMs < row.untilMs) && promptTokens <= (row.promptTokensMax ?? Infinity),
  )?.rate;

/**
 * The price of one call or line in whole nano-dollars, rounded up once. Undefined when no price is known.
 * `model` is the canonical id; `geo` "us" costs 1.1×; the batch lane costs half of every token class.
 */
export const priceNano = (
  model: string,
  usage: Usage,
  how: { readonly lane: Lane; readonly geo: string | null; readonly atMs: number },
): bigint | undefined => {
  const prompt = usage.inputTokens + usage.write5mTokens + usage.write1hTokens + usage.readTokens;
  const rate = rateOf(model, prompt, how.atMs);
  if (rate === undefined) return undefined;
  const tokens =
    BigInt(usage.inputTokens) * rate.input +
    BigInt(usage.write5mTokens) * rate.write5m +
    BigInt(usage.write1hTokens) * rate.write1h +
    BigInt(usage.readTokens) * rate.read +
    BigInt(usage.outputTokens) * rate.output;
  // Over the common denominator 20: half price is ×10/20, full is ×20/20; the US surcharge is ×11/10.
  const lane = how.lane === "batch" ? 1n : 2n;
  const geo = how.geo === "us" ? 11n : 10n;
  const twentieths = tokens * lane * geo + BigInt(usage.webSearches) * picoPerWebSearch * 20n;
  return (twentieths + 19_999n) / 20_000n;
};

/** Nano-dollars as a decimal string of dollars, nine places. */
export const usdOf = (nano: bigint): string => {
  const digits = nano.toString().padStart(10, "0");
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`;
};
