import { describe, expect, test } from "vitest";
import { z } from "zod";
import { toProviderSchema, withEnvelope } from "../../src/domain/output-schema.ts";

test("objects are closed, everything is required, limits become words", () => {
  const schema = z.object({
    name: z.string().max(10).describe("The name."),
    size: z.number().min(0).max(9).nullable(),
    list: z.array(z.object({ when: z.iso.date(), note: z.string().optional() })).min(2),
  });
  expect(toProviderSchema(schema)).toEqual({
    type: "object",
    properties: {
      name: { type: "string", description: "The name. Limits: characters at most 10." },
      size: {
        anyOf: [{ type: "number", description: "Limits: at least 0, at most 9." }, { type: "null" }],
      },
      list: {
        type: "array",
        description: "Limits: items at least 2.",
        items: {
          type: "object",
          properties: { when: { type: "string", format: "date" }, note: { type: "string" } },
          required: ["when", "note"],
          additionalProperties: false,
        },
      },
    },
    required: ["name", "size", "list"],
    additionalProperties: false,
  });
});

test("every answer ends with confidence and abstained", () => {
  const schema = toProviderSchema(withEnvelope(z.object({ label: z.enum(["a", "b"]) })));
  expect(schema["required"]).toEqual(["label", "confidence", "abstained"]);
  const text = JSON.stringify(schema);
  expect(text).toContain('"enum":["uncertain","out_of_scope","ambiguous","no_answer"]');
  expect(text).not.toMatch(/"(minimum|maximum|maxLength|pattern|\$schema)"/);
});

function nullable(count: number): z.ZodObject {
  return z.object(
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`f${index}`, z.string().nullable()])),
  );
}

describe("what structured outputs cannot express is found at start", () => {
  const tree = z.object({
    get child() {
      return z.union([tree, z.null()]);
    },
  });
  const rows: [string, z.ZodObject, string][] = [
    ["open objects", z.object({ any: z.record(z.string(), z.string()) }), "open object"],
    ["fields of any type", z.object({ any: z.unknown() }), "needs a type"],
    ["recursion", tree, "cannot recurse"],
    ["more than 16 unions", nullable(17), "17 nullable or union fields"],
  ];
  test.each(rows)("%s", (_name, schema, reason) => {
    expect(() => toProviderSchema(schema)).toThrow(reason);
  });
  test("16 unions are accepted", () => expect(() => toProviderSchema(nullable(16))).not.toThrow());
});
