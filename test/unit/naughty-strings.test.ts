// Every awkward text renders to valid JSON in valid UTF-8, is stored and read back unchanged, and comes back out of an answer.

import { describe, expect, test } from "vitest";
import { loadJobTypes } from "../../src/config/job-types.ts";
import { parseRecord } from "../../src/domain/json-value.ts";
import { sharedText } from "../support/shared-data.ts";

const own = [
  "",
  " ",
  "\u0000",
  "null",
  "undefined",
  "__proto__",
  "constructor",
  "NaN",
  "1e999",
  "'; DROP TABLE jobs; --",
  "${jndi:ldap://example.org/a}",
  "{{text}}",
  "\\",
  '"',
  "\ud800",
  "\udc00\ud800",
  "\u2028\u2029",
  "𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
  "ﷺ".repeat(50),
  "👩‍👩‍👧‍👦",
  "Z̮̞̠͙͔ͅḀ̗̞͈̻̗Ḷ͙͎̯̹̞͓G̻O̭̗̮",
  "\u202emoordnilap",
  "\u{e0041}\u{e0042}",
  "﻿bom",
];
const shared = sharedText("naughty-strings.json");
const listed: unknown = shared === null ? [] : JSON.parse(shared);
const strings = own.concat(Array.isArray(listed) ? listed.filter((each) => typeof each === "string") : []);
const jobTypes = await loadJobTypes({ dirs: [] });

const utf8 = new TextDecoder("utf-8", { fatal: true });
const wellFormed = (text: string): string => text.replace(/\p{Surrogate}/gu, "\ufffd");

interface Case {
  type: string;
  input: (text: string) => Record<string, unknown>;
  textOf: (input: Record<string, unknown>) => unknown;
}
const cases: Case[] = [
  {
    type: "classify-intent",
    input: (text) => ({ text, labels: ["a", "b"], instructions: text }),
    textOf: (input) => input["text"],
  },
  {
    type: "extract-contact",
    input: (text) => ({ text, instructions: text }),
    textOf: (input) => input["text"],
  },
  {
    type: "message",
    input: (text) => ({
      model: "claude-haiku-5-5",
      max_tokens: 10,
      system: text,
      messages: [{ role: "user", content: [{ type: "text", text: `:${text}` }] }],
    }),
    textOf: (input) => input["system"],
  },
];

for (const { type, input, textOf } of cases) {
  const jobs = jobTypes.get(type)?.prepare(null);
  if (jobs === undefined) throw new Error(type);
  test(`${type} takes ${shared === null ? "awkward" : "awkward and naughty"} texts`, () => {
    for (const text of strings) {
      const checked = jobs.check(input(text));
      if (!checked.ok) throw new Error(`${JSON.stringify(text)}: ${JSON.stringify(checked.errors)}`);
      const bytes = new TextEncoder().encode(checked.request.params);
      expect(bytes.length).toBe(checked.request.bytes);
      expect(JSON.stringify(JSON.parse(utf8.decode(bytes)))).toBe(checked.request.params);
      expect(textOf(parseRecord(checked.input))).toBe(wellFormed(text));
      expect(jobs.render(checked.input, 1)).toEqual(checked.request);
    }
  });
}

describe("answers", () => {
  test("bring awkward texts back unchanged", () => {
    const jobs = jobTypes.get("extract-contact")?.prepare(null);
    for (const text of strings.filter((each) => each.length <= 300)) {
      const content = {
        person: null,
        organisation: text,
        emails: [],
        phones: [],
        address: null,
        confidence: 1,
        abstained: null,
      };
      const message = { content: [{ type: "text", text: JSON.stringify(content) }], stop_reason: "end_turn" };
      const answer = jobs?.readAnswer('{"text":""}', message);
      if (answer?.outcome !== "succeeded") throw new Error(JSON.stringify(answer));
      expect(parseRecord(answer.output)["organisation"]).toBe(wellFormed(text));
    }
  });
});
