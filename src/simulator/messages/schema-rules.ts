/**
 * What structured outputs refuse in a schema: objects must be closed, and keywords that cannot be enforced while
 * decoding are not allowed. The set is what the SDK's own transformJSONSchema takes out before it sends a schema.
 */
import { invalidRequest } from "../api-error.ts";
import { isObject, listOf, objectOf } from "../json.ts";
import type { JsonObject } from "../json.ts";
import { knownSchema } from "./schema.ts";

const unsupported: Readonly<Record<string, readonly string[]>> = {
  number: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
  integer: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
  string: ["minLength", "maxLength"],
  array: ["maxItems", "uniqueItems"],
};

/** Throws the 400 for the first wrong spot. A schema that passed once is not walked again. */
export const checkSchema = (schema: JsonObject, where: string): void => {
  const known = knownSchema(schema);
  if (known.passed) return;
  visit(schema, where);
  known.passed = true;
};

const typesOf = (schema: JsonObject): readonly unknown[] =>
  Array.isArray(schema["type"]) ? (schema["type"] as unknown[]) : [schema["type"]];

const visit = (schema: JsonObject, where: string): void => {
  for (const type of typesOf(schema)) checkType(schema, String(type), where);
  const groups = ["properties", "$defs", "definitions"].flatMap((name) =>
    Object.values(objectOf(schema[name])),
  );
  const variants = ["anyOf", "allOf"].flatMap((name) => listOf(schema[name]));
  for (const member of [...groups, ...variants]) if (isObject(member)) visit(member, where);
  if (Array.isArray(schema["oneOf"])) throw invalidRequest(`${where}: Schema type 'oneOf' is not supported`);
  if (isObject(schema["items"])) visit(schema["items"], where);
};

const checkType = (schema: JsonObject, type: string, where: string): void => {
  if (type === "object" && schema["additionalProperties"] !== false) {
    throw invalidRequest(
      `${where}: For 'object' type, 'additionalProperties' must be explicitly set to false`,
    );
  }
  const wrong = (unsupported[type] ?? []).filter((name) => schema[name] !== undefined);
  if (wrong.length === 1)
    throw invalidRequest(`${where}: For '${type}' type, property '${wrong[0] ?? ""}' is not supported`);
  if (wrong.length > 1)
    throw invalidRequest(`${where}: For '${type}' type, properties ${wrong.join(", ")} are not supported`);
  const minItems = schema["minItems"];
  if (type === "array" && typeof minItems === "number" && minItems > 1) {
    throw invalidRequest(`${where}: For 'array' type, 'minItems' values other than 0 or 1 are not supported`);
  }
};
