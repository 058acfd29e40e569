import fc from "fast-check";
import { expect, test } from "vitest";
import { countRequest } from "../../src/domain/count-request.ts";
import {
  boundOfCount,
  countSamplesMin,
  heldInputTokens,
  isTrusted,
  marginNeededBp,
} from "../../src/domain/count-trust.ts";
import type { CountTrust } from "../../src/domain/count-trust.ts";

const tokens = fc.integer({ min: 1, max: 2_000_000 });
const margin = fc.integer({ min: 0, max: 10_000 });
const trust = (over: Partial<CountTrust> = {}): CountTrust => ({
  marginBp: 1_000,
  samples: countSamplesMin,
  worstBp: 0,
  off: false,
  ...over,
});

test("a margin is needed exactly as far as its bound falls short of the bill", () => {
  fc.assert(
    fc.property(tokens, tokens, margin, (counted, billed, bp) => {
      expect(boundOfCount(counted, bp) >= billed).toBe(marginNeededBp(counted, billed) <= bp);
    }),
  );
  expect(marginNeededBp(100, 110)).toBe(901);
  expect(boundOfCount(100, 901)).toBe(110);
  expect(boundOfCount(100, 900)).toBe(109);
});

test("counts are believed after fifty bills within the margin, and not after one beyond it", () => {
  expect(isTrusted(trust())).toBe(true);
  expect(isTrusted(trust({ samples: countSamplesMin - 1 }))).toBe(false);
  expect(isTrusted(trust({ worstBp: 1_001 }))).toBe(false);
  expect(isTrusted(trust({ off: true }))).toBe(false);
});

test("a hold takes the count only where it is lower and believed", () => {
  expect(heldInputTokens(4_000, 1_000, trust())).toBe(1_100);
  expect(heldInputTokens(1_050, 1_000, trust())).toBe(1_050);
  expect(heldInputTokens(4_000, null, trust())).toBe(4_000);
  expect(heldInputTokens(4_000, 0, trust())).toBe(4_000);
  expect(heldInputTokens(4_000, 1_000, undefined)).toBe(4_000);
  expect(heldInputTokens(4_000, 1_000, trust({ off: true }))).toBe(4_000);
});

test("what is counted is the prompt and nothing else; what the provider does not count is not asked", () => {
  const message = { role: "user", content: "hello" };
  const params = {
    model: "claude-haiku-5-5",
    max_tokens: 10,
    messages: [message],
    metadata: { user_id: "u" },
  };
  expect(countRequest(JSON.stringify(params))).toBe(
    JSON.stringify({ model: "claude-haiku-5-5", messages: [message] }),
  );
  const search = { ...params, tools: [{ type: "web_search_20250305", name: "web_search" }] };
  expect(countRequest(JSON.stringify(search))).toBeNull();
  const image = { type: "image", source: { type: "url", url: "https://example.com/a.png" } };
  const byUrl = { ...params, messages: [{ role: "user", content: [image] }] };
  expect(countRequest(JSON.stringify(byUrl))).toBeNull();
});
