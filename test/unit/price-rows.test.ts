// The price table, by hand: what a usage costs, from the object the provider answers with to the nano-dollars that are booked.
// Every row has its arithmetic beside it, done before the code was run. $1 per million tokens is 1,000 nano-dollars per token.
//
// `in` uncached input, `w5` and `w1h` cache writes of 5 minutes and 1 hour, `read` cache reads, `out` output (thinking included),
// `web` web searches, `geo` where it ran.

import { describe, expect, test } from "vitest";
import { costNanoUsd, priceAt, readUsage } from "../../src/domain/price.ts";

interface Used {
  in?: number;
  w5?: number;
  w1h?: number;
  read?: number;
  out?: number;
  web?: number;
  geo?: string | null;
}
type Lane = "realtime" | "batch";

const october6 = "2026-10-06T23:59:59.999Z";
const october7 = "2026-10-07T00:00:00.000Z";
const november = "2026-11-21T12:00:00Z";

/** As the Messages API says it. */
const answered = (used: Used): object => ({
  input_tokens: used.in ?? 0,
  cache_creation_input_tokens: (used.w5 ?? 0) + (used.w1h ?? 0),
  cache_creation: { ephemeral_5m_input_tokens: used.w5 ?? 0, ephemeral_1h_input_tokens: used.w1h ?? 0 },
  cache_read_input_tokens: used.read ?? 0,
  output_tokens: used.out ?? 0,
  server_tool_use: used.web === undefined ? null : { web_search_requests: used.web, web_fetch_requests: 0 },
  inference_geo: used.geo ?? null,
});

const rows: [string, string, Lane, Used, bigint][] = [
  // Haiku 5.5 up to 100,000 prompt tokens: 100, 125, 200, 10, 500 nano-dollars per token.
  // 1,000 × 100
  ["claude-haiku-5-5", november, "realtime", { in: 1_000 }, 100_000n],
  // 1,000 × 100 / 2
  ["claude-haiku-5-5", november, "batch", { in: 1_000 }, 50_000n],
  // 30 × 500
  ["claude-haiku-5-5", november, "realtime", { out: 30 }, 15_000n],
  // 1,700 × 100 + 30 × 500 = 170,000 + 15,000
  ["claude-haiku-5-5", november, "realtime", { in: 1_700, out: 30 }, 185_000n],
  // 185,000 / 2
  ["claude-haiku-5-5", november, "batch", { in: 1_700, out: 30 }, 92_500n],
  // 1 × 100 / 2
  ["claude-haiku-5-5", november, "batch", { in: 1 }, 50n],
  // 10 / 2
  ["claude-haiku-5-5", november, "batch", { read: 1 }, 5n],
  // 125 / 2 = 62.5, rounded up once
  ["claude-haiku-5-5", november, "batch", { w5: 1 }, 63n],
  // 2 × 125 / 2 = 125, not 2 × 63: the sum is rounded
  ["claude-haiku-5-5", november, "batch", { w5: 2 }, 125n],
  // 400 × 200 + 600 × 10 + 20 × 500 = 80,000 + 6,000 + 10,000
  ["claude-haiku-5-5", november, "realtime", { w1h: 400, read: 600, out: 20 }, 96_000n],

  // The threshold: 100,000 and 100,001 prompt tokens. Above: 500, 625, 1,000, 50, 2,500, for the whole request.
  // 100,000 × 100
  ["claude-haiku-5-5", november, "realtime", { in: 100_000 }, 10_000_000n],
  // 100,001 × 500
  ["claude-haiku-5-5", november, "realtime", { in: 100_001 }, 50_000_500n],
  // 100,000 × 100 + 1,000 × 500 = 10,000,000 + 500,000; output does not count towards the threshold
  ["claude-haiku-5-5", november, "realtime", { in: 100_000, out: 1_000 }, 10_500_000n],
  // 100,001 × 500 + 1,000 × 2,500 = 50,000,500 + 2,500,000
  ["claude-haiku-5-5", november, "realtime", { in: 100_001, out: 1_000 }, 52_500_500n],
  // 100,000 × 100 / 2
  ["claude-haiku-5-5", november, "batch", { in: 100_000 }, 5_000_000n],
  // 100,001 × 500 / 2 = 25,000,250
  ["claude-haiku-5-5", november, "batch", { in: 100_001 }, 25_000_250n],
  // 50,000 + 50,000 = 100,000 is not above: 50,000 × 100 + 50,000 × 10
  ["claude-haiku-5-5", november, "realtime", { in: 50_000, read: 50_000 }, 5_500_000n],
  // 50,000 + 50,001 = 100,001 is: 50,000 × 500 + 50,001 × 50 = 25,000,000 + 2,500,050
  ["claude-haiku-5-5", november, "realtime", { in: 50_000, read: 50_001 }, 27_500_050n],
  // all four classes count: 25,000 × 500 + 25,000 × 625 + 25,000 × 1,000 + 25,001 × 50
  //   = 12,500,000 + 15,625,000 + 25,000,000 + 1,250,050
  [
    "claude-haiku-5-5",
    november,
    "realtime",
    { in: 25_000, w5: 25_000, w1h: 25_000, read: 25_001 },
    54_375_050n,
  ],
  // one token less: 25,000 × (100 + 125 + 200 + 10) = 25,000 × 435
  [
    "claude-haiku-5-5",
    november,
    "realtime",
    { in: 25_000, w5: 25_000, w1h: 25_000, read: 25_000 },
    10_875_000n,
  ],
  // above, in the US, in a batch: 100,001 × 500 × 1.1 / 2 = 27,500,275
  ["claude-haiku-5-5", november, "batch", { in: 100_001, geo: "us" }, 27_500_275n],

  // Both sides of an effective date: Sonnet 5.5 reads cost 200 until 2026-10-06, 100 from 2026-10-07 (UTC) on; the rest stays.
  // 1,000 × 200
  ["claude-sonnet-5-5", october6, "realtime", { read: 1_000 }, 200_000n],
  // 1,000 × 100
  ["claude-sonnet-5-5", october7, "realtime", { read: 1_000 }, 100_000n],
  // 1,000 × 200 / 2
  ["claude-sonnet-5-5", october6, "batch", { read: 1_000 }, 100_000n],
  // 1,000 × 100 / 2
  ["claude-sonnet-5-5", october7, "batch", { read: 1_000 }, 50_000n],
  // 1 × 100 × 1.1 / 2 = 55
  ["claude-sonnet-5-5", october7, "batch", { read: 1, geo: "us" }, 55n],
  // 100 × 2,000 + 10 × 10,000 on both sides
  ["claude-sonnet-5-5", october6, "realtime", { in: 100, out: 10 }, 300_000n],
  ["claude-sonnet-5-5", october7, "realtime", { in: 100, out: 10 }, 300_000n],
  // all classes before: 10 × (2,000 + 2,500 + 4,000 + 200 + 10,000) = 10 × 18,700
  ["claude-sonnet-5-5", october6, "realtime", { in: 10, w5: 10, w1h: 10, read: 10, out: 10 }, 187_000n],
  // and after: 10 × 18,600
  ["claude-sonnet-5-5", october7, "realtime", { in: 10, w5: 10, w1h: 10, read: 10, out: 10 }, 186_000n],
  // its sibling has no such date: 1,000 × 200
  ["claude-sonnet-5", october7, "realtime", { read: 1_000 }, 200_000n],

  // Residency: 1.1 in the US, on every token class, and nowhere else.
  // 1,000 × 100 × 1.1
  ["claude-haiku-5-5", november, "realtime", { in: 1_000, geo: "us" }, 110_000n],
  // 1,000 × 100
  ["claude-haiku-5-5", november, "realtime", { in: 1_000, geo: "global" }, 100_000n],
  // 1 × 100 × 1.1 / 2
  ["claude-haiku-5-5", november, "batch", { in: 1, geo: "us" }, 55n],
  // 1 × 10 × 1.1 / 2 = 5.5, up
  ["claude-haiku-5-5", november, "batch", { read: 1, geo: "us" }, 6n],
  // a model without regions says so: 11 × 1,000
  ["claude-haiku-4-5", november, "realtime", { in: 11, geo: "not_available" }, 11_000n],
  // (10 × 4,000 + 10 × 5,000 + 10 × 8,000 + 10 × 200 + 10 × 20,000) × 1.1 = 372,000 × 1.1
  [
    "claude-opus-5-5",
    november,
    "realtime",
    { in: 10, w5: 10, w1h: 10, read: 10, out: 10, geo: "us" },
    409_200n,
  ],

  // Server tools: $10 per 1,000 web searches is 10,000,000 each, in no lane cheaper and in no region dearer.
  // 3 × 10,000,000 + 1 × 100 / 2
  ["claude-haiku-5-5", november, "batch", { in: 1, web: 3 }, 30_000_050n],
  // 10,000,000 + 1 × 100 × 1.1
  ["claude-haiku-5-5", november, "realtime", { in: 1, web: 1, geo: "us" }, 10_000_110n],
  // 2 × 10,000,000 + (1 × 100 × 1.1 / 2 = 55)
  ["claude-haiku-5-5", november, "batch", { in: 1, web: 2, geo: "us" }, 20_000_055n],
  // none is none: 5 × 500
  ["claude-haiku-5-5", november, "realtime", { out: 5, web: 0 }, 2_500n],

  // Every other model, at least once.
  // 11 × 1,000 + 5 × 5,000 = 36,000, by the dated id
  ["claude-haiku-4-5-20251001", november, "realtime", { in: 11, out: 5 }, 36_000n],
  // (7 × 3,000 + 2 × 15,000) / 2 = 51,000 / 2
  ["claude-sonnet-4-6", november, "batch", { in: 7, out: 2 }, 25_500n],
  // 4 × 6,000 + 3 × 300 = 24,000 + 900
  ["claude-sonnet-4-5-20250929", november, "realtime", { w1h: 4, read: 3 }, 24_900n],
  // 100 × 200, a read at 0.05 of the input price
  ["claude-opus-5-5", november, "realtime", { read: 100 }, 20_000n],
  // 100 × 500, a read at 0.1
  ["claude-opus-5", november, "realtime", { read: 100 }, 50_000n],
  // 8 × 6,250 / 2
  ["claude-opus-4-8", november, "batch", { w5: 8 }, 25_000n],
  // 3 × 5,000 + 1 × 25,000
  ["claude-opus-4-7", november, "realtime", { in: 3, out: 1 }, 40_000n],
  // (1 × 10,000 + 1 × 25,000) / 2
  ["claude-opus-4-6", november, "batch", { w1h: 1, out: 1 }, 17_500n],
  // 9 × 5,000
  ["claude-opus-4-5-20251101", november, "realtime", { in: 9 }, 45_000n],
  // (7 × 8,000 + 3 × 40,000) / 2 = 176,000 / 2
  ["claude-fable-5-2", november, "batch", { in: 7, out: 3 }, 88_000n],
  // 100 × 250, a read at 0.025
  ["claude-fable-5-1", november, "realtime", { read: 100 }, 25_000n],
  // 100 × 1,000, a read at 0.1
  ["claude-fable-5", november, "realtime", { read: 100 }, 100_000n],
  // (2 × 12,500 + 1 × 50,000) × 1.1 / 2 = 75,000 × 0.55
  ["claude-mythos-5-1", november, "batch", { w5: 2, out: 1, geo: "us" }, 41_250n],
  // nothing used, nothing paid: a refusal before the first token
  ["claude-opus-5", november, "realtime", {}, 0n],
];

describe("the cost of an attempt, by hand", () => {
  test.each(rows)("%s at %s in %s, %o, costs %i", (model, instant, lane, used, nano) => {
    const usage = readUsage(answered(used));
    const price = priceAt(model, Date.parse(instant));
    if (usage === null || price === undefined) throw new Error("it cannot be priced");
    expect(costNanoUsd(usage, { lane, price })).toBe(nano);
  });

  test("there are at least forty of them", () => {
    expect(rows.length).toBeGreaterThanOrEqual(40);
  });
});

describe("what has no known price is not guessed", () => {
  test.each([
    [
      "a server tool that is charged in a way nobody told us",
      { server_tool_use: { code_execution_requests: 1 } },
    ],
    ["a region that has no factor", { inference_geo: "eu" }],
    ["another speed", { speed: "fast" }],
    ["a broken count", { output_tokens: -1 }],
  ])("%s", (_, part) => {
    expect(readUsage({ ...answered({ in: 1, out: 1 }), ...part })).toBeNull();
  });

  test("a tool that was not used, or costs nothing, is no obstacle", () => {
    const tools = { web_search_requests: 0, web_fetch_requests: 7, code_execution_requests: 0 };
    expect(readUsage({ ...answered({ in: 1 }), server_tool_use: tools })).not.toBeNull();
  });
});
