// From a zod schema to the JSON Schema that the provider's structured outputs accept, which is a subset: every object closed, every
// property required, no limits on numbers, lengths or counts (those are refused with a 400), at most 16 unions. Limits that are
// taken out become a sentence in the description, so that the model still knows them; zod checks them on the answer.
//
// Every structured answer carries the same two fields of its own: how sure the model is, and why it gave no answer if it did not.

import { z } from "zod";
import { isRecord } from "./json-value.ts";

export const abstentions = ["uncertain", "out_of_scope", "ambiguous", "no_answer"] as const;
export type Abstention = (typeof abstentions)[number];

const envelope = {
  confidence: z.number().min(0).max(1).describe("How sure you are of this answer."),
  abstained: z
    .enum(abstentions)
    .nullable()
    .describe(
      "Null when you answered. Otherwise why not: uncertain (you would be guessing), out_of_scope (not what this task is about), " +
        "ambiguous (several answers fit equally), no_answer (the input has nothing to answer from).",
    ),
};

/** The names that a job type's own output may not use. */
export const envelopeFields: readonly string[] = Object.keys(envelope);

/** Most properties with several types in one schema; the provider refuses more. */
const unionsMax = 16;

/** The answer's own fields with the two common ones behind them: an answer comes before the confidence in it. */
export function withEnvelope(output: z.ZodObject): AnswerSchema {
  return output.safeExtend(envelope).strict();
}

/** The schema of a whole answer: fields of its own, and these two. */
export type AnswerSchema = z.ZodObject<typeof envelope>;

/** The JSON Schema to send for a zod schema. Throws for what has no equivalent in the provider's subset. */
export function toProviderSchema(schema: z.ZodObject): Record<string, unknown> {
  const { $schema: _dialect, ...full } = z.toJSONSchema(schema, {
    io: "input",
    reused: "inline",
    unrepresentable: "throw",
  }) as Record<string, unknown>;
  const restricted = restrict(full);
  const unions = countUnions(restricted);
  if (unions > unionsMax)
    throw new Error(`the output has ${unions} nullable or union fields, at most ${unionsMax} work`);
  return restricted;
}

const formats = new Set([
  "date-time",
  "time",
  "date",
  "duration",
  "email",
  "hostname",
  "uri",
  "ipv4",
  "ipv6",
  "uuid",
]);
const limitWords: ReadonlyMap<string, string> = new Map([
  ["minimum", "at least"],
  ["maximum", "at most"],
  ["exclusiveMinimum", "more than"],
  ["exclusiveMaximum", "less than"],
  ["multipleOf", "a multiple of"],
  ["minLength", "characters at least"],
  ["maxLength", "characters at most"],
  ["minItems", "items at least"],
  ["maxItems", "items at most"],
]);

function restrict(schema: Record<string, unknown>): Record<string, unknown> {
  if (schema["$ref"] !== undefined)
    throw new Error("the output refers to itself; structured outputs cannot recurse");
  const branches = branchesOf(schema);
  if (branches !== null)
    return described({ anyOf: branches.map((each) => restrict(asSchema(each))) }, schema, false);
  switch (schema["type"]) {
    case undefined:
      throw new Error("every field of the output needs a type");
    case "object":
      return described(restrictObject(schema), schema, true);
    case "array":
      return described({ type: "array", items: restrict(asSchema(schema["items"])) }, schema, true);
    default:
      return described(restrictScalar(schema), schema, true);
  }
}

/** The alternatives of a schema, a list of types unfolded into one schema each; null when it has one form only. */
function branchesOf(schema: Record<string, unknown>): unknown[] | null {
  const { type, description: _stays, ...rest } = schema;
  if (Array.isArray(type)) {
    return type.map((each: unknown) =>
      each === "null" ? { type: each } : Object.assign({ type: each }, rest),
    );
  }
  const branches = schema["anyOf"] ?? schema["oneOf"];
  return Array.isArray(branches) ? branches : null;
}

function restrictScalar(schema: Record<string, unknown>): Record<string, unknown> {
  const kept: Record<string, unknown> = { type: schema["type"] };
  for (const word of ["enum", "const"]) if (schema[word] !== undefined) kept[word] = schema[word];
  const { format } = schema;
  if (schema["type"] === "string" && typeof format === "string" && formats.has(format))
    kept["format"] = format;
  return kept;
}

function restrictObject(schema: Record<string, unknown>): Record<string, unknown> {
  if (isRecord(schema["additionalProperties"]))
    throw new Error("the output has an open object; name its fields");
  const properties = Object.entries(asSchema(schema["properties"] ?? {}));
  return {
    type: "object",
    properties: Object.fromEntries(properties.map(([name, each]) => [name, restrict(asSchema(each))])),
    required: properties.map(([name]) => name),
    additionalProperties: false,
  };
}

function described(
  kept: Record<string, unknown>,
  schema: Record<string, unknown>,
  withLimits: boolean,
): Record<string, unknown> {
  const sentences: string[] = [];
  if (typeof schema["description"] === "string") sentences.push(schema["description"]);
  const limits = withLimits ? Object.entries(schema).filter(([word]) => limitWords.has(word)) : [];
  if (limits.length > 0) {
    sentences.push(
      `Limits: ${limits.map(([word, value]) => `${limitWords.get(word)} ${String(value)}`).join(", ")}.`,
    );
  }
  return sentences.length > 0 ? { ...kept, description: sentences.join(" ") } : kept;
}

function asSchema(value: unknown): Record<string, unknown> {
  if (!isRecord(value)) throw new Error("the output holds something structured outputs cannot express");
  return value;
}

function countUnions(value: unknown): number {
  if (Array.isArray(value)) return value.reduce((sum: number, each) => sum + countUnions(each), 0);
  if (!isRecord(value)) return 0;
  const here = Array.isArray(value["anyOf"]) ? 1 : 0;
  return Object.values(value).reduce((sum: number, each) => sum + countUnions(each), here);
}
