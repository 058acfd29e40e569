// The rule of caps, by itself: what a request breaks, what may follow, and that totals hold in any order.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  brokenBulkCap,
  brokenCaps,
  capNames,
  caps,
  drawNext,
  leftBeyond,
  namedCaps,
  narrowed,
  readCaps,
  widened,
} from "../../src/domain/caps.ts";
import type { Caps } from "../../src/domain/caps.ts";

const request = {
  bytes: 1_000,
  inputTokensMax: 1_100,
  outputTokensMax: 300,
  toolRounds: 2,
  serverToolUses: 3,
};

describe("a request is refused for each cap it breaks, by name and number", () => {
  test.each([
    ["inputBytesMax", 999, "", "1000 bytes"],
    ["maxTokensMax", 299, "max_tokens", "300 output tokens"],
    ["totalTokensMax", 1_399, "", "1400 tokens"],
    ["toolRoundsMax", 1, "messages", "2 turns"],
    ["serverToolUsesMax", 2, "tools", "3 uses"],
  ] as const)("%s", (cap, most, field, says) => {
    const [error, ...others] = brokenCaps(request, { [cap]: most }, true);
    expect(others).toEqual([]);
    expect(error).toMatchObject({ field, code: "cap_exceeded" });
    expect(error?.reason).toContain(says);
    expect(error?.reason).toContain(`${capNames[cap]} is ${most}`);
    expect(brokenCaps(request, { [cap]: most + 1 }, true)).toEqual([]);
    // What the input of a structured type calls its fields, nobody knows here.
    expect(brokenCaps(request, { [cap]: most }, false)[0]?.field).toBe("");
  });

  test("uses that nothing bounds break any cap on them", () => {
    expect(brokenCaps({ ...request, serverToolUses: null }, { serverToolUsesMax: 100 }, true)).toHaveLength(
      1,
    );
    expect(brokenCaps({ ...request, serverToolUses: null }, {}, true)).toEqual([]);
  });
});

test("a bulk is refused for what all its lines take with one attempt each", () => {
  const load = { accepted: 10, bytes: 5_000, tokens: 14_000 };
  expect(
    brokenBulkCap(load, { bulkInputBytesMax: 5_000, bulkAttemptsMax: 10, bulkTotalTokensMax: 14_000 }),
  ).toBe(null);
  expect(brokenBulkCap(load, { bulkInputBytesMax: 4_999 })).toMatchObject({ name: "bulk_input_bytes_max" });
  expect(brokenBulkCap(load, { bulkAttemptsMax: 9 })).toEqual({
    name: "bulk_attempts_max",
    detail: "The bulk takes at least 10 first attempts; its cap bulk_attempts_max is 9.",
    reason: "is 9, and the bulk takes at least 10 first attempts",
  });
  expect(brokenBulkCap(load, { bulkTotalTokensMax: 13_999 })).toMatchObject({
    name: "bulk_total_tokens_max",
  });
  expect(leftBeyond(load, { bulkAttemptsMax: 12 })).toEqual({ attempts: 2, tokens: null });
});

test("caps keep their names on the way to a row and back, and are only ever made smaller", () => {
  const some = Object.fromEntries(caps.map((cap, at) => [cap, at + 10]));
  expect(readCaps(namedCaps(some))).toEqual(some);
  expect(readCaps({ input_bytes_max: "5", nonsense: 1 })).toEqual({});
  expect(narrowed({ maxTokensMax: 5 }, { maxTokensMax: 7, attemptsMax: 1 })).toEqual({
    maxTokensMax: 5,
    attemptsMax: 1,
  });
  expect(widened({ maxTokensMax: 5 }, { maxTokensMax: 7, attemptsMax: 1 })).toEqual([
    { name: "max_tokens_max", most: 5 },
  ]);
});

test("whatever follows in whatever order, a job and a bulk stay within their totals", () => {
  const jobs = fc.array(
    fc.record({
      bound: fc.integer({ min: 1, max: 500 }),
      ends: fc.array(fc.tuple(fc.nat(500), fc.nat(80)), { maxLength: 6 }),
    }),
    { minLength: 1, maxLength: 8 },
  );
  fc.assert(
    fc.property(jobs, fc.nat(3_000), fc.nat(10), fc.nat(1_500), (all, tokensMore, attemptsMore, jobMax) => {
      const first = all.reduce((sum, { bound }) => sum + bound, 0);
      const own: Caps = {
        bulkTotalTokensMax: first + tokensMore,
        bulkAttemptsMax: all.length + attemptsMore,
        totalTokensMax: 500 + jobMax,
      };
      const left = leftBeyond({ accepted: all.length, bytes: 0, tokens: first }, own);
      const states = all.map(({ bound }) => ({ used: 0, open: bound, reserved: bound, attempts: 1 }));
      for (let round = 0; round < 6; round += 1) {
        for (const [at, state] of states.entries()) {
          const end = all[at]?.ends[round];
          if (end === undefined || state.open === 0) continue;
          const [tokens, grows] = end;
          const used = state.used + Math.min(tokens, state.open);
          const next = { tokensUsed: used, tokensMax: state.open + grows, tokensReserved: state.reserved };
          const verdict = drawNext(next, own, left);
          state.used = used;
          if ("brokenCap" in verdict) state.open = 0;
          else {
            state.open += grows;
            state.attempts += verdict.draw.attempts;
            state.reserved += verdict.draw.tokens;
            left.attempts = (left.attempts ?? 0) - verdict.draw.attempts;
            left.tokens = (left.tokens ?? 0) - verdict.draw.tokens;
          }
          expect(states.reduce((sum, each) => sum + each.used + each.open, 0)).toBeLessThanOrEqual(
            own.bulkTotalTokensMax ?? 0,
          );
          expect(states.reduce((sum, each) => sum + each.attempts, 0)).toBeLessThanOrEqual(
            own.bulkAttemptsMax ?? 0,
          );
          expect(state.used + state.open).toBeLessThanOrEqual(own.totalTokensMax ?? 0);
        }
      }
    }),
    { numRuns: 500 },
  );
});

test("a continuation is held against what only it adds", () => {
  const next = {
    tokensUsed: 100,
    tokensMax: 200,
    tokensReserved: 300,
    continued: { before: 1, bytes: 2_000, toolRounds: 2 },
  };
  const none = { attempts: null, tokens: null };
  expect(drawNext(next, { continuationsMax: 2 }, none)).toEqual({ draw: { attempts: 1, tokens: 0 } });
  expect(drawNext(next, { continuationsMax: 1 }, none)).toEqual({ brokenCap: "continuations_max" });
  expect(drawNext(next, {}, none)).toEqual({ brokenCap: "continuations_max" });
  expect(drawNext(next, { continuationsMax: 2, toolRoundsMax: 1 }, none)).toEqual({
    brokenCap: "tool_rounds_max",
  });
  expect(drawNext(next, { continuationsMax: 2, inputBytesMax: 1_999 }, none)).toEqual({
    brokenCap: "input_bytes_max",
  });
  expect(drawNext(next, { continuationsMax: 2, totalTokensMax: 299 }, none)).toEqual({
    brokenCap: "total_tokens_max",
  });
});
