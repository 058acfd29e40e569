import fc from "fast-check";
import { expect, test } from "vitest";
import { measurePrompt } from "../../src/simulator/messages/prompt-input.ts";
import { findModel } from "../../src/simulator/models.ts";
import type { Model } from "../../src/simulator/models.ts";
import { countTokens, cutToTokens, overheadTokens } from "../../src/simulator/tokenizer.ts";

const model = (id: string): Model => {
  const found = findModel(id);
  if (found === undefined) throw new Error(id);
  return found;
};
const bytes = (text: string): number => Buffer.byteLength(text);
const wellFormed = fc.string({ unit: "binary", maxLength: 300 });
const english =
  "Please tell me why my last transfer has not arrived, I have been waiting for it since Monday morning. ";

test("a text never costs more than the bytes of its NFKC form", () => {
  fc.assert(
    fc.property(wellFormed, fc.boolean(), (text, dense) => {
      expect(countTokens(text, dense)).toBeLessThanOrEqual(bytes(text.normalize("NFKC")));
    }),
    { numRuns: 500 },
  );
});

test("a whole request never costs more than the larger of its raw and NFKC bytes and the fixed overhead", () => {
  const tool = fc.record({
    name: fc.constant("t"),
    description: wellFormed,
    input_schema: fc.constant({ type: "object" }),
  });
  const request = fc.record({
    model: fc.constantFrom("claude-haiku-5-5", "claude-haiku-4-5"),
    max_tokens: fc.constant(100),
    system: wellFormed,
    tools: fc.array(tool, { maxLength: 3 }),
    messages: fc.array(
      fc.record({
        role: fc.constant("user"),
        content: fc.array(fc.record({ type: fc.constant("text"), text: wellFormed }), {
          minLength: 1,
          maxLength: 3,
        }),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    output_config: fc.record({
      format: fc.record({
        type: fc.constant("json_schema"),
        schema: fc.dictionary(wellFormed, wellFormed, { maxKeys: 4 }),
      }),
    }),
  });
  fc.assert(
    fc.property(request, (params) => {
      const text = JSON.stringify(params);
      const bound =
        Math.max(bytes(text), bytes(text.normalize("NFKC"))) +
        overheadTokens.request +
        overheadTokens.tools +
        overheadTokens.outputFormat;
      expect(measurePrompt(params, model(params.model)).tokens).toBeLessThanOrEqual(bound);
    }),
    { numRuns: 300 },
  );
});

test.each([
  [
    "base64",
    Buffer.from(
      Array.from({ length: 3_000 }, (_, index) => (index * 7_919 + 31 * (index >> 3)) % 256),
    ).toString("base64"),
  ],
  ["CJK", "漢字仮名交じり文".repeat(100)],
  ["emoji", "🙂🚀".repeat(100)],
  ["an expanding ligature", "\ufdfa".repeat(50)],
])("%s costs nearly a token per byte", (_name, text) => {
  const most = bytes(text.normalize("NFKC"));
  expect(countTokens(text, true)).toBeGreaterThan(most * 0.8);
  expect(countTokens(text, true)).toBeLessThanOrEqual(most);
});

test("plain English costs a token per 3.5 to 4.5 bytes, and about 30 % more on newer models", () => {
  const text = english.repeat(20);
  const older = countTokens(text, false);
  expect(bytes(text) / older).toBeGreaterThan(3.5);
  expect(bytes(text) / older).toBeLessThan(4.5);
  expect(countTokens(text, true) / older).toBeGreaterThan(1.2);
  expect(countTokens(text, true) / older).toBeLessThan(1.35);
});

test("a cut is the longest prefix within the tokens and splits no character", () => {
  fc.assert(
    fc.property(wellFormed, fc.integer({ min: 0, max: 200 }), (text, tokens) => {
      const cut = cutToTokens(text, tokens, true);
      expect(text.startsWith(cut)).toBe(true);
      expect(countTokens(cut, true)).toBeLessThanOrEqual(tokens);
      expect(cut).not.toMatch(/[\ud800-\udfff]/u);
    }),
  );
});
