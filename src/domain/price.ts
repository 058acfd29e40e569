// What an attempt cost, and the most it can cost. Both are exact: token classes are summed in pico-dollars, the factors
// (batch one half, US inference 11/10) are applied as integers, and one division at the very end rounds up to the nano-dollar.
// Rounding once and up keeps a sum of attempts at or above the provider's own bill by less than a nano-dollar each.
//
// `worstCostNanoUsd` is what a hold reserves. It dominates `costNanoUsd` for every usage inside the bound, which is the first
// half of "the ceiling holds" (the other half is that bound.ts is never exceeded). The price of an attempt is the one in force
// when its hold was taken; settlement uses the same row, whatever day it is by then.

import type { Lane } from "./job.ts";
import { isRecord } from "./json-value.ts";
import { divideUp, picoPerNano } from "./money.ts";
import { findModel } from "./models.ts";
import { priceTable, webSearchNanoUsd } from "./price-table.ts";
import type { Price, PriceTier } from "./price-table.ts";

export type { Price } from "./price-table.ts";

/** Tokens of one attempt by price class, as the provider reported them. */
export interface Usage {
  /** Uncached input only. */
  readonly inputTokens: number;
  readonly cacheWrite5mTokens: number;
  readonly cacheWrite1hTokens: number;
  readonly cacheReadTokens: number;
  /** Thinking included. */
  readonly outputTokens: number;
  readonly webSearches: number;
  /** The provider says it ran in the US region, which costs 1.1 times as much. */
  readonly ranInUs: boolean;
}

/** What decides the dearest way a request can be charged, apart from its size. */
export interface CostTraits {
  /** The longest cache lifetime the request asks for anywhere. */
  readonly cacheWrite: "none" | "5m" | "1h";
  /** False only where the provider cannot run it in the US region: the request says so, or the model has no regions. */
  readonly mayRunInUs: boolean;
  /** Web searches one attempt may be charged for. */
  readonly webSearchesMax: number;
}

/** The traits as they stand on the row of a job. */
export interface TraitColumns {
  readonly cache_write: CostTraits["cacheWrite"];
  readonly may_run_in_us: boolean;
  readonly web_searches_max: number;
}

export const traitsOf = (row: TraitColumns): CostTraits => ({
  cacheWrite: row.cache_write,
  mayRunInUs: row.may_run_in_us,
  webSearchesMax: row.web_searches_max,
});

const cacheLifetimes = ["none", "5m", "1h"] as const;

/** Whether nothing in the first can be charged that was not held for the second. */
export const costsNoMore = (traits: CostTraits, held: CostTraits): boolean =>
  cacheLifetimes.indexOf(traits.cacheWrite) <= cacheLifetimes.indexOf(held.cacheWrite) &&
  (held.mayRunInUs || !traits.mayRunInUs) &&
  traits.webSearchesMax <= held.webSearchesMax;

/** The traits to assume of a request nobody looked at, without server tools: nobody can say how dear those are. */
const dearestTraits: CostTraits = { cacheWrite: "1h", mayRunInUs: true, webSearchesMax: 0 };

/** The price of a model at an instant (Unix milliseconds), by id or dated id; undefined is `price_unknown`: refuse the work. */
export function priceAt(model: string, instantMs: number): Price | undefined {
  const id = findModel(model)?.id;
  return priceTable.find(
    (price) =>
      price.model === id &&
      (price.fromMs === null || instantMs >= price.fromMs) &&
      (price.untilMs === null || instantMs < price.untilMs),
  );
}

/** A price row by the id an attempt was booked with. */
export function findPrice(id: string): Price | undefined {
  return priceTable.find((price) => price.id === id);
}

/** The exact cost of a usage in nano-dollars, rounded up once. */
export function costNanoUsd(usage: Usage, terms: { lane: Lane; price: Price }): bigint {
  return tierCostNanoUsd(usage, terms.lane, tierFor(terms.price, promptTokens(usage)));
}

function tierCostNanoUsd(usage: Usage, lane: Lane, tier: PriceTier): bigint {
  const pico =
    BigInt(usage.inputTokens) * tier.inputPico +
    BigInt(usage.cacheWrite5mTokens) * tier.write5mPico +
    BigInt(usage.cacheWrite1hTokens) * tier.write1hPico +
    BigInt(usage.cacheReadTokens) * tier.readPico +
    BigInt(usage.outputTokens) * tier.outputPico;
  return toNano(pico, lane, usage.ranInUs) + BigInt(usage.webSearches) * webSearchNanoUsd;
}

/**
 * What a sum of many requests can have cost at the least and at the most: which tier each of them fell into cannot be told from the
 * sum, but that their prompts had at least `promptTokensMin` tokens. Rounded once, so it may be below the sum of attempts by a
 * nano-dollar each.
 */
export function costRangeNanoUsd(
  usage: Usage,
  { lane, price, promptTokensMin }: { lane: Lane; price: Price; promptTokensMin: number },
): { leastNano: bigint; mostNano: bigint } {
  const possible = price.tiers.filter(
    ({ promptTokensMax }) => promptTokensMax === null || promptTokensMax >= promptTokensMin,
  );
  const costs = possible.map((tier) => tierCostNanoUsd(usage, lane, tier));
  return {
    leastNano: costs.reduce((least, nano) => (nano < least ? nano : least)),
    mostNano: costs.reduce((most, nano) => (nano > most ? nano : most)),
  };
}

/**
 * The most a request can cost in nano-dollars. The prompt may be shorter than its bound and land in any tier up to it, so every
 * reachable tier is priced and the dearest taken; all input is charged as its dearest class (a request with `cache_control`
 * may be written to the cache whole). Web searches come on top at their full fee. Without `traits` the dearest ones are assumed.
 */
export function worstCostNanoUsd(request: {
  inputTokensMax: number;
  outputTokensMax: number;
  lane: Lane;
  price: Price;
  traits?: CostTraits;
}): bigint {
  const { cacheWrite, mayRunInUs, webSearchesMax } = request.traits ?? dearestTraits;
  let worstPico = 0n;
  for (const [input, tier] of reachableTiers(request.price, request.inputTokensMax)) {
    const pico =
      BigInt(input) * dearestInputPico(tier, cacheWrite) + BigInt(request.outputTokensMax) * tier.outputPico;
    if (pico > worstPico) worstPico = pico;
  }
  return toNano(worstPico, request.lane, mayRunInUs) + BigInt(webSearchesMax) * webSearchNanoUsd;
}

/**
 * Reads the `usage` object of a Messages API answer; null when it cannot be priced (a count is missing, negative or broken, or
 * the request ran at another speed, in a region or with a server tool whose price nobody knows), and the attempt stays booked at its
 * worst case. Cache writes that the breakdown by lifetime
 * leaves out are counted as 1-hour writes: booking too much is corrected by an audit, booking too little breaks a ceiling.
 */
export function readUsage(usage: unknown): Usage | null {
  if (!isRecord(usage)) return null;
  const written = isRecord(usage["cache_creation"]) ? usage["cache_creation"] : {};
  const searches = isRecord(usage["server_tool_use"]) ? usage["server_tool_use"] : {};
  const writeTokens = count(usage["cache_creation_input_tokens"] ?? 0);
  const write5mTokens = count(written["ephemeral_5m_input_tokens"] ?? 0);
  const write1hTokens = count(written["ephemeral_1h_input_tokens"] ?? 0);
  const read = {
    inputTokens: count(usage["input_tokens"]),
    cacheWrite5mTokens: write5mTokens,
    cacheWrite1hTokens: Math.max(write1hTokens, writeTokens - write5mTokens),
    cacheReadTokens: count(usage["cache_read_input_tokens"] ?? 0),
    outputTokens: count(usage["output_tokens"]),
    webSearches: count(searches["web_search_requests"] ?? 0),
  };
  if (Object.values(read).some((value) => Number.isNaN(value)) || hasUnknownPrice(usage, searches))
    return null;
  return { ...read, ranInUs: usage["inference_geo"] === "us" };
}

const pricedRegions = new Set<unknown>(["us", "global", "not_available", null, undefined]);
const pricedTools = new Set(["web_search_requests", "web_fetch_requests"]);

function hasUnknownPrice(
  usage: Readonly<Record<string, unknown>>,
  tools: Readonly<Record<string, unknown>>,
): boolean {
  const unknownTool = Object.entries(tools).some(
    ([name, uses]) => !pricedTools.has(name) && typeof uses === "number" && uses > 0,
  );
  return unknownTool || usage["speed"] === "fast" || !pricedRegions.has(usage["inference_geo"]);
}

/** The whole prompt: what thresholds are measured on. */
export function promptTokens(usage: Usage): number {
  return usage.inputTokens + usage.cacheWrite5mTokens + usage.cacheWrite1hTokens + usage.cacheReadTokens;
}

function tierFor(price: Price, tokens: number): PriceTier {
  const tier = price.tiers.find((each) => each.promptTokensMax === null || tokens <= each.promptTokensMax);
  if (tier === undefined) throw new Error(`price ${price.id} has no last tier`);
  return tier;
}

/** Each tier a prompt of at most `tokensMax` can fall into, with the most tokens it can have there. */
function reachableTiers(price: Price, tokensMax: number): [tokens: number, tier: PriceTier][] {
  const reachable: [number, PriceTier][] = [];
  for (const tier of price.tiers) {
    reachable.push([Math.min(tokensMax, tier.promptTokensMax ?? tokensMax), tier]);
    if (tier.promptTokensMax === null || tokensMax <= tier.promptTokensMax) break;
  }
  return reachable;
}

function dearestInputPico(tier: PriceTier, cacheWrite: CostTraits["cacheWrite"]): bigint {
  const classes = [tier.inputPico, tier.readPico];
  if (cacheWrite !== "none") classes.push(tier.write5mPico);
  if (cacheWrite === "1h") classes.push(tier.write1hPico);
  return classes.reduce((dearest, pico) => (pico > dearest ? pico : dearest));
}

function toNano(pico: bigint, lane: Lane, inUs: boolean): bigint {
  const halves = lane === "batch" ? 1n : 2n;
  const tenths = inUs ? 11n : 10n;
  return divideUp(pico * halves * tenths, 2n * 10n * picoPerNano);
}

/** A token count, or NaN. */
function count(value: unknown): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : Number.NaN;
}
