import { expect, test } from "vitest";
import { z } from "zod";
import { priceNano, usdOf } from "../../src/simulator/price.ts";
import type { Lane, Usage } from "../../src/simulator/price.ts";
import {
  clientOf,
  control,
  failureOf,
  invoiceOf,
  lines,
  minuteMs,
  params,
  post,
  rowsOf,
  simulate,
} from "./support.ts";

const usage = (change: Partial<Usage>): Usage => ({
  inputTokens: 0,
  write5mTokens: 0,
  write1hTokens: 0,
  readTokens: 0,
  outputTokens: 0,
  webSearches: 0,
  ...change,
});
const november = Date.UTC(2026, 10, 21);

// nano-dollars = tokens × dollars per million × 1,000, × 0.5 in a batch, × 1.1 in the US, rounded up once.
test.each<[string, string, Partial<Usage>, { lane?: Lane; geo?: string; atMs?: number }, bigint | undefined]>(
  [
    ["1,000 in at $0.10 = 100,000", "claude-haiku-5-5", { inputTokens: 1_000 }, {}, 100_000n],
    ["half in a batch", "claude-haiku-5-5", { inputTokens: 1_000 }, { lane: "batch" }, 50_000n],
    ["1 in at half of $0.10 = 50 exactly", "claude-haiku-5-5", { inputTokens: 1 }, { lane: "batch" }, 50n],
    ["1 read at half of $0.01 = 5", "claude-haiku-5-5", { readTokens: 1 }, { lane: "batch" }, 5n],
    [
      "1 read at half of $0.01 × 1.1 = 5.5, rounded up",
      "claude-haiku-5-5",
      { readTokens: 1 },
      { lane: "batch", geo: "us" },
      6n,
    ],
    [
      "100,000 prompt tokens at $0.10 = 10,000,000",
      "claude-haiku-5-5",
      { inputTokens: 100_000 },
      {},
      10_000_000n,
    ],
    ["100,001 prompt tokens at $0.50", "claude-haiku-5-5", { inputTokens: 100_001 }, {}, 50_000_500n],
    [
      "the threshold counts the whole prompt and moves output to $2.50",
      "claude-haiku-5-5",
      { inputTokens: 1, readTokens: 100_000, outputTokens: 10 },
      {},
      500n + 5_000_000n + 25_000n,
    ],
    [
      "all classes of Opus 5.5: 4 + 5 + 8 + 0.2 + 20",
      "claude-opus-5-5",
      { inputTokens: 1, write5mTokens: 1, write1hTokens: 1, readTokens: 1, outputTokens: 1 },
      {},
      37_200n,
    ],
    [
      "Sonnet 5.5 reads at $0.20 to 2026-10-06",
      "claude-sonnet-5-5",
      { readTokens: 1_000 },
      { atMs: Date.UTC(2026, 9, 7) - 1 },
      200_000n,
    ],
    [
      "and at $0.10 from 2026-10-07",
      "claude-sonnet-5-5",
      { readTokens: 1_000 },
      { atMs: Date.UTC(2026, 9, 7) },
      100_000n,
    ],
    [
      "searches at a cent each, never halved",
      "claude-sonnet-5",
      { webSearches: 3 },
      { lane: "batch" },
      30_000_000n,
    ],
    [
      "nor raised in the US",
      "claude-sonnet-5",
      { webSearches: 1, outputTokens: 10 },
      { geo: "us" },
      10_000_000n + 110_000n,
    ],
    ["an unknown price is unknown", "claude-mythos-5-2", { inputTokens: 1 }, {}, undefined],
  ],
)("price: %s", (...[, model, tokens, how, nano]) => {
  expect(
    priceNano(model, usage(tokens), {
      lane: how.lane ?? "realtime",
      geo: how.geo ?? "global",
      atMs: how.atMs ?? november,
    }),
  ).toBe(nano);
});

test("dollars are written with nine places", () => {
  expect([usdOf(0n), usdOf(5n), usdOf(1_234_567_890n)]).toEqual([
    "0.000000000",
    "0.000000005",
    "1.234567890",
  ]);
});

const price = (of: { input_tokens: number; output_tokens: number }, half: bigint): bigint =>
  (BigInt(of.input_tokens) * 100n + BigInt(of.output_tokens) * 500n) / half;

test("the bill is the sum of what was produced in both lanes, by lane, batch, key, model and day", async () => {
  const simulator = await simulate();
  const client = clientOf(simulator);
  const message = await client.messages.create(params());
  const { id } = await client.messages.batches.create({ requests: lines(7) });
  await simulator.advance(20 * minuteMs);
  const usages = (await rowsOf(client, id)).map((row) =>
    row.result.type === "succeeded" ? row.result.message.usage : message.usage,
  );
  const batch = usages.reduce((total, of) => total + price(of, 2n), 0n);
  const invoice = await invoiceOf(simulator);
  expect(invoice.by_lane["realtime"]?.total_nano).toBe(price(message.usage, 1n).toString());
  expect(invoice.by_batch[id]).toMatchObject({ total_nano: batch.toString(), items: 7 });
  expect(invoice.total_nano).toBe((batch + price(message.usage, 1n)).toString());
  expect(invoice.total_usd).toBe(usdOf(BigInt(invoice.total_nano)));
  expect(await simulator.totalNano()).toBe(BigInt(invoice.total_nano));
});

const page = z.looseObject({
  items: z.array(
    z.looseObject({
      request_id: z.string().optional(),
      custom_id: z.string().optional(),
      batch_id: z.string().optional(),
      nano: z.string(),
    }),
  ),
  next: z.int().nullable(),
});

test("details name every billed item once, in pages", async () => {
  const simulator = await simulate();
  const client = clientOf(simulator);
  const { _request_id: requestId } = await client.messages.create(params());
  const { id } = await client.messages.batches.create({ requests: lines(5) });
  await simulator.advance(20 * minuteMs);
  const first = page.parse(await control(simulator, "invoice?detail=1&limit=4"));
  const second = page.parse(await control(simulator, `invoice?detail=1&limit=4&after=${String(first.next)}`));
  const all = [...first.items, ...second.items];
  expect(second.next).toBeNull();
  expect(all[0]?.request_id).toBe(requestId);
  expect(
    all
      .slice(1)
      .map((item) => item.custom_id ?? "")
      .toSorted(),
  ).toEqual(lines(5).map((line) => line.custom_id));
  expect(all.slice(1).every((item) => item.batch_id === id)).toBe(true);
  expect(all.reduce((total, item) => total + BigInt(item.nano), 0n)).toBe(await simulator.totalNano());
});

test("a call whose answer is lost is billed, one that failed before is not", async () => {
  const simulator = await simulate();
  const client = clientOf(simulator);
  simulator.addFault({ action: "reset" });
  await failureOf(client.messages.create(params()));
  expect((await invoiceOf(simulator)).items).toBe(0);
  simulator.addFault({ action: "lose_response" });
  await failureOf(client.messages.create(params()));
  expect((await invoiceOf(simulator)).items).toBe(1);
});

test("a client that goes away while the answer is made pays for it", async () => {
  const simulator = await simulate({ latencyMs: { min: 60_000, max: 60_000 } });
  await failureOf(clientOf(simulator).messages.create(params(), { timeout: 100 }));
  expect((await invoiceOf(simulator)).items).toBe(1);
});

test("an answer without a known price is counted apart, never as free", async () => {
  const simulator = await simulate();
  await post(simulator, "/v1/messages", params("Hello", { model: "claude-mythos-5-2" }));
  expect(await invoiceOf(simulator)).toMatchObject({ items: 1, total_nano: "0", unpriced_items: 1 });
});
