import { expect, test } from "vitest";
import { z } from "zod";
import type Anthropic from "@anthropic-ai/sdk";
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";
import { clientOf, params, simulate, textOf } from "./support.ts";

const ask = async (
  schema: z.ZodType,
  text: string,
  options: { seed?: number; maxTokens?: number; model?: string } = {},
): Promise<{ value: unknown; message: Anthropic.Message }> => {
  const simulator = await simulate({ seed: options.seed ?? 1 });
  const message = await clientOf(simulator).messages.create(
    params(text, {
      model: options.model ?? "claude-haiku-5-5",
      max_tokens: options.maxTokens ?? 1_000,
      output_config: { format: zodOutputFormat(schema) },
    }),
  );
  const raw = textOf(message);
  return { value: message.stop_reason === "end_turn" ? JSON.parse(raw) : raw, message };
};

const abstained = z.enum(["uncertain", "out_of_scope", "ambiguous", "no_answer"]).nullable();
const intent = z.object({
  label: z.enum(["card_arrival", "exchange_rate", "lost_or_stolen_card", "top_up_failed"]).nullable(),
  confidence: z.number(),
  abstained,
});

test.each([
  ["My new card has still not arrived, it should have been here last week", "card_arrival"],
  ["What rates do you use to exchange currencies?", "exchange_rate"],
  ["Somebody has stolen my wallet and the card in it", "lost_or_stolen_card"],
  ["Why did my top up fail?", "top_up_failed"],
])("a label goes by the words of the text: %s", async (text, label) => {
  const { value } = await ask(intent, text);
  expect(value).toEqual({ label, confidence: expect.any(Number), abstained: null });
  const { confidence } = intent.parse(value);
  expect(confidence).toBeGreaterThanOrEqual(0.55);
  expect(confidence).toBeLessThanOrEqual(0.99);
});

test("nothing to answer about is an abstention", async () => {
  const { value } = await ask(intent, "?!? 42");
  expect(value).toMatchObject({ label: null, abstained: "uncertain" });
});

const contact = z.object({
  name: z.string().nullable(),
  email: z.string().nullable(),
  phone: z.string().nullable(),
  company: z.string().nullable(),
  addresses: z.array(z.object({ street: z.string().nullable(), city: z.string().nullable() })),
});

test("fields are looked up in the text, and null where it has none", async () => {
  const full = await ask(
    contact,
    "Hello, my name is Maria Keller from Blue Harbor GmbH. Write to maria.keller@blueharbor.example or call +49 30 1234567.",
  );
  expect(full.value).toMatchObject({
    name: "Maria Keller",
    email: "maria.keller@blueharbor.example",
    phone: "+49 30 1234567",
    company: "Blue Harbor GmbH",
  });
  const none = await ask(contact, "please call me back soon");
  expect(none.value).toMatchObject({ name: null, email: null, phone: null, company: null });
});

const tree: z.ZodType = z.object({
  value: z.string(),
  get children() {
    return z.array(tree);
  },
});
const everything = z.object({
  literal: z.literal("fixed"),
  count: z.int(),
  ratio: z.number(),
  flag: z.boolean(),
  when: z.iso.datetime(),
  day: z.iso.date(),
  mail: z.email(),
  id: z.uuid(),
  list: z.array(z.string()).min(1),
  maybe: z.string().optional(),
  choice: z.union([
    z.object({ kind: z.literal("a"), a: z.string() }),
    z.object({ kind: z.literal("b"), b: z.number() }),
  ]),
  nested: z.object({ deep: z.object({ deeper: z.array(z.object({ tag: z.enum(["x", "y"]) })) }) }),
  tree,
});

test.each(Array.from({ length: 12 }, (_, seed) => seed))(
  "whatever the schema asks for is there (seed %i)",
  async (seed) => {
    const { value, message } = await ask(
      everything,
      `Text number ${seed}: order 4711 of 2026-05-04 for 12.50`,
      { seed, maxTokens: 4_000 },
    );
    expect(message.stop_reason).toBe("end_turn");
    expect(() => everything.parse(value)).not.toThrow();
  },
);

test("limits on numbers, lengths and patterns are kept where schemas are not held to the API's rules", async () => {
  const simulator = await simulate({ schemaStrict: false });
  const schema = {
    type: "object",
    additionalProperties: false,
    required: ["n", "s", "p", "a"],
    properties: {
      n: { type: "integer", minimum: 5, maximum: 7 },
      s: { type: "string", minLength: 3, maxLength: 6 },
      p: { type: "string", pattern: "^[A-Z]{2}-\\d{3,4}(x|y)?$" },
      a: {
        type: "array",
        minItems: 2,
        maxItems: 2,
        items: { type: "number", multipleOf: 5, minimum: 10, maximum: 30 },
      },
    },
  };
  const shape = z.object({
    n: z.int().min(5).max(7),
    s: z.string().min(3).max(6),
    p: z.string().regex(/^[A-Z]{2}-\d{3,4}(x|y)?$/),
    a: z.array(z.number().multipleOf(5).min(10).max(30)).length(2),
  });
  for (let count = 0; count < 10; count += 1) {
    // oxlint-disable-next-line no-await-in-loop -- ten small calls
    const message = await clientOf(simulator).messages.create(
      params(`Text ${count}`, { output_config: { format: { type: "json_schema", schema } } }),
    );
    expect(() => shape.parse(JSON.parse(textOf(message)))).not.toThrow();
  }
});

test("too small a max_tokens leaves broken JSON", async () => {
  const { value, message } = await ask(contact, "my name is Maria Keller", { maxTokens: 8 });
  expect([message.stop_reason, message.usage.output_tokens]).toEqual(["max_tokens", 8]);
  expect(() => JSON.parse(String(value)) as unknown).toThrow(SyntaxError);
});

test("a thinking block may stand before the JSON", async () => {
  const { message, value } = await ask(intent, "Where is my card?", { model: "claude-opus-5-5" });
  expect(message.content[0]?.type).toBe("thinking");
  expect(() => intent.parse(value)).not.toThrow();
});
