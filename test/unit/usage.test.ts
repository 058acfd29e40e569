import { describe, expect, test } from "vitest";
import { readUsage } from "../../src/domain/price.ts";

describe("usage as the provider reports it", () => {
  const full = {
    input_tokens: 10,
    cache_creation_input_tokens: 7,
    cache_read_input_tokens: 3,
    cache_creation: { ephemeral_5m_input_tokens: 5, ephemeral_1h_input_tokens: 2 },
    output_tokens: 4,
    server_tool_use: { web_search_requests: 1, web_fetch_requests: 9 },
    service_tier: "batch",
    inference_geo: "us",
  };

  test("every class is read", () => {
    expect(readUsage(full)).toEqual({
      inputTokens: 10,
      cacheWrite5mTokens: 5,
      cacheWrite1hTokens: 2,
      cacheReadTokens: 3,
      outputTokens: 4,
      webSearches: 1,
      ranInUs: true,
    });
  });

  test("null and absent classes are zero", () => {
    const bare = {
      input_tokens: 1,
      output_tokens: 2,
      cache_creation: null,
      cache_read_input_tokens: null,
      server_tool_use: null,
    };
    expect(readUsage(bare)).toEqual({
      inputTokens: 1,
      cacheWrite5mTokens: 0,
      cacheWrite1hTokens: 0,
      cacheReadTokens: 0,
      outputTokens: 2,
      webSearches: 0,
      ranInUs: false,
    });
  });

  test("writes without a breakdown are booked at the dearest", () => {
    const { cache_creation: _none, ...rest } = full;
    expect(readUsage(rest)?.cacheWrite1hTokens).toBe(7);
  });

  test("what cannot be priced is null, never zero", () => {
    for (const broken of [
      null,
      undefined,
      "usage",
      [],
      {},
      { input_tokens: 1 },
      { ...full, output_tokens: -1 },
      { ...full, input_tokens: 1.5 },
      { ...full, input_tokens: "10" },
      { ...full, output_tokens: null },
      { ...full, cache_read_input_tokens: Number.NaN },
      { ...full, speed: "fast" },
    ]) {
      expect(readUsage(broken)).toBeNull();
    }
  });
});
