/**
 * What is known about an output schema, remembered by its text: whether it passed the rules, its tokens, how to make answers.
 * A schema repeats from request to request but arrives parsed anew each time, so it is put back into text once per request.
 */
import type { JsonObject } from "../json.ts";
import { countTokens } from "../tokenizer.ts";
import type { AnswerContext } from "./answer-context.ts";

/** Makes a value for one place of the schema. */
export type Maker = (context: AnswerContext, nullable: boolean) => unknown;

export interface KnownSchema {
  readonly text: string;
  passed: boolean;
  maker: Maker | null;
  plainTokens: number | null;
  denseTokens: number | null;
}

const byText = new Map<string, KnownSchema>();
const byObject = new WeakMap<object, KnownSchema>();
const schemasMax = 256;

export const knownSchema = (schema: JsonObject): KnownSchema => {
  const seen = byObject.get(schema);
  if (seen !== undefined) return seen;
  const text = JSON.stringify(schema);
  const known = byText.get(text) ?? remember(text);
  byObject.set(schema, known);
  return known;
};

const remember = (text: string): KnownSchema => {
  if (byText.size >= schemasMax) byText.clear();
  const fresh: KnownSchema = { text, passed: false, maker: null, plainTokens: null, denseTokens: null };
  byText.set(text, fresh);
  return fresh;
};

export const schemaTokens = (schema: JsonObject, dense: boolean): number => {
  const known = knownSchema(schema);
  if (dense) return (known.denseTokens ??= countTokens(known.text, true));
  return (known.plainTokens ??= countTokens(known.text, false));
};
