import type Anthropic from "@anthropic-ai/sdk";
import { expect, test } from "vitest";
import { clientOf, hourMs, minuteMs, params, simulate } from "./support.ts";

const long = "The quick brown fox jumps over the lazy dog and runs back home again. ".repeat(120);
const cached = (ttl: "5m" | "1h", text = long) => ({
  type: "text" as const,
  text,
  cache_control: { type: "ephemeral" as const, ttl },
});

test("a prefix is written to the cache, then read until its time to live is over", async () => {
  const own = await simulate();
  const create = () =>
    clientOf(own)
      .messages.create(params("Question", { system: [cached("5m")] }))
      .then((message) => message.usage);
  const first = await create();
  const written = first.cache_creation_input_tokens ?? 0;
  expect(written).toBeGreaterThan(512);
  expect(first.cache_creation).toEqual({ ephemeral_5m_input_tokens: written, ephemeral_1h_input_tokens: 0 });
  expect(await create()).toMatchObject({
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: written,
    input_tokens: first.input_tokens,
  });
  await own.advance(4 * minuteMs);
  expect((await create()).cache_read_input_tokens).toBe(written);
  await own.advance(5 * minuteMs);
  expect(await create()).toMatchObject({ cache_creation_input_tokens: written, cache_read_input_tokens: 0 });
});

test("two breakpoints of different time to live are told apart, and a short prefix is not cached", async () => {
  const own = await simulate();
  const both = { system: [cached("1h"), cached("5m", `${long} more`)] };
  const { usage } = await clientOf(own).messages.create(params("Question", both));
  expect(usage.cache_creation?.ephemeral_1h_input_tokens).toBeGreaterThan(512);
  expect(usage.cache_creation?.ephemeral_5m_input_tokens).toBeGreaterThan(512);
  await own.advance(hourMs - minuteMs);
  const later = await clientOf(own).messages.create(params("Question", both));
  expect(later.usage.cache_read_input_tokens).toBe(usage.cache_creation?.ephemeral_1h_input_tokens);
  const short = await clientOf(own).messages.create(
    params("Question", { system: [cached("5m", "Too short.")] }),
  );
  expect(short.usage).toMatchObject({ cache_creation_input_tokens: 0, cache_read_input_tokens: 0 });
});

test("batch lines share the cache and report the batch tier", async () => {
  const own = await simulate();
  const requests = Array.from({ length: 5 }, (_, index) => ({
    custom_id: `c${index}`,
    params: params(`Question ${index}`, { system: [cached("1h")] }),
  }));
  const { id } = await clientOf(own).messages.batches.create({ requests });
  await own.advance(20 * minuteMs);
  const usages: Anthropic.Usage[] = [];
  for await (const row of await clientOf(own).messages.batches.results(id))
    if (row.result.type === "succeeded") usages.push(row.result.message.usage);
  expect(usages.map((usage) => usage.service_tier)).toEqual(Array.from({ length: 5 }, () => "batch"));
  expect(usages.filter((usage) => (usage.cache_read_input_tokens ?? 0) > 0)).toHaveLength(4);
});
