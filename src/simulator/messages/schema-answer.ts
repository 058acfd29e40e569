/**
 * JSON that fits a schema and depends on the text: a schema is compiled once into a tree of small makers, which are then
 * run for every answer. Null is only made where the schema allows it: a maker is told whether its place is nullable.
 */
import { between, hashText, mix, pick, unit } from "../chance.ts";
import { isObject, listOf, objectOf, textOf } from "../json.ts";
import type { JsonObject } from "../json.ts";
import { fieldHash } from "./answer-context.ts";
import type { AnswerContext } from "./answer-context.ts";
import { numbersIn } from "./facts.ts";
import { bestLabel, compileLabels } from "./label-match.ts";
import { knownSchema } from "./schema.ts";
import type { Maker } from "./schema.ts";
import { makeString } from "./string-answer.ts";

interface Place {
  readonly root: JsonObject;
  readonly name: string;
}

const depthMax = 6;
const listItemsMax = 3;

/** The maker of a whole schema, compiled once. */
export const compileSchema = (schema: JsonObject): Maker =>
  (knownSchema(schema).maker ??= compile(schema, { root: schema, name: "answer" }));

const compile = (schema: unknown, place: Place): Maker => {
  if (!isObject(schema)) return () => "";
  if (typeof schema["$ref"] === "string") return compileRef(schema["$ref"], place);
  if ("const" in schema) return () => schema["const"];
  if (Array.isArray(schema["enum"])) return compileEnum(schema["enum"] as unknown[], place);
  const variants = listOf(schema["anyOf"] ?? schema["oneOf"]);
  if (variants.length > 0) return compileVariants(variants, place);
  if (Array.isArray(schema["allOf"])) return compile(merge(schema, listOf(schema["allOf"]), place), place);
  if (Array.isArray(schema["type"])) {
    return compileVariants(
      (schema["type"] as unknown[]).map((type) => withType(schema, type)),
      place,
    );
  }
  return compileType(schema, place);
};

const withType = (schema: JsonObject, type: unknown): JsonObject => ({ ...schema, type });

const compileType = (schema: JsonObject, place: Place): Maker => {
  switch (schema["type"]) {
    case "object":
      return compileObject(schema, place);
    case "array":
      return compileArray(schema, place);
    case "string":
      return makeString(schema, place.name);
    case "integer":
    case "number":
      return makeNumber(schema, place.name);
    case "boolean":
      return (context) =>
        /abstain/.test(place.name) ? context.abstained !== null : unit(fieldHash(context, place.name)) < 0.5;
    case "null":
      return () => null;
    default:
      return isObject(schema["properties"]) ? compileObject(schema, place) : makeString(schema, place.name);
  }
};

/** Compiled when first needed: a definition may refer to itself. */
const compileRef = (ref: string, place: Place): Maker => {
  let maker: Maker | null = null;
  return (context, nullable) => {
    if (context.depth >= depthMax && nullable) return null;
    maker ??= compile(resolve(ref, place.root), place);
    context.depth += 1;
    const value = context.depth > depthMax * 4 ? null : maker(context, nullable);
    context.depth -= 1;
    return value;
  };
};

const resolve = (ref: string, root: JsonObject): unknown => {
  let value: unknown = root;
  for (const step of ref
    .replace(/^#\/?/, "")
    .split("/")
    .filter((part) => part !== "")) {
    value = isObject(value) ? value[step.replaceAll("~1", "/").replaceAll("~0", "~")] : undefined;
  }
  return value;
};

const merge = (schema: JsonObject, parts: readonly unknown[], place: Place): JsonObject => {
  const { allOf: _allOf, ...rest } = schema;
  const whole: JsonObject = { ...rest };
  for (const part of parts) {
    const known =
      isObject(part) && typeof part["$ref"] === "string" ? resolve(part["$ref"], place.root) : part;
    if (!isObject(known)) continue;
    const properties = Object.assign({}, objectOf(whole["properties"]), objectOf(known["properties"]));
    const required = [...listOf(whole["required"]), ...listOf(known["required"])];
    Object.assign(whole, known, { properties, required });
  }
  return whole;
};

const noAbstention = new Set(["none", "no", "answered", "null", "not_abstained"]);

const compileEnum = (values: readonly unknown[], place: Place): Maker => {
  const texts = values.filter((value) => typeof value === "string");
  const hasNull = values.includes(null);
  if (/abstain/.test(place.name)) {
    const none = texts.find((value) => noAbstention.has(value));
    return (context, nullable) => {
      if (context.abstained !== null && texts.includes(context.abstained)) return context.abstained;
      return hasNull || nullable ? null : (none ?? texts[0] ?? values[0]);
    };
  }
  if (texts.length === 0) {
    const [head, ...tail] = values;
    return (context) => pick(fieldHash(context, place.name), [head, ...tail]);
  }
  const matcher = compileLabels(texts);
  return (context, nullable) =>
    context.abstained !== null && (hasNull || nullable) ? null : bestLabel(matcher, context);
};

const isNull = (variant: unknown): boolean =>
  isObject(variant) && (variant["type"] === "null" || ("const" in variant && variant["const"] === null));

const compileVariants = (variants: readonly unknown[], place: Place): Maker => {
  const hasNull = variants.some(isNull);
  const makers = variants.filter((variant) => !isNull(variant)).map((variant) => compile(variant, place));
  const [head, ...tail] = makers;
  if (head === undefined) return () => null;
  return (context, nullable) => {
    if (/abstain/.test(place.name) && hasNull && context.abstained === null) return null;
    return pick(fieldHash(context, `${place.name}?`), [head, ...tail])(context, nullable || hasNull);
  };
};

const compileObject = (schema: JsonObject, place: Place): Maker => {
  const required = listOf(schema["required"]);
  const members = Object.entries(isObject(schema["properties"]) ? schema["properties"] : {}).map(
    ([name, member]) => ({
      name,
      needed: required.includes(name),
      make: compile(member, { root: place.root, name }),
    }),
  );
  return (context, nullable) => {
    if (nullable && context.depth >= depthMax) return null;
    const value: JsonObject = {};
    for (const member of members) {
      if (member.needed || context.depth < depthMax) value[member.name] = member.make(context, false);
    }
    return value;
  };
};

const compileArray = (schema: JsonObject, place: Place): Maker => {
  const item = schema["items"];
  const itemName = place.name.replace(/ies$/, "y").replace(/s$/, "");
  const make = compile(item ?? { type: "string" }, { root: place.root, name: itemName });
  const least = Number(schema["minItems"] ?? 0);
  const most = Math.max(
    least,
    Math.min(Number(schema["maxItems"] ?? listItemsMax), Math.max(listItemsMax, least)),
  );
  return (context) => {
    const wanted =
      context.depth >= depthMax
        ? least
        : between(fieldHash(context, `${place.name}[]`), Math.max(least, Math.min(1, most)), most);
    const items: unknown[] = [];
    for (let index = 0; index < wanted; index += 1) {
      // Each item draws from its own hash; one that finds nothing in the text is left out where the list may be short.
      const own: AnswerContext = { ...context, hash: mix(context.hash, index) };
      const value = make(own, items.length >= least);
      if (value === null && items.length >= least) break;
      const known = items.some((other) => JSON.stringify(other) === JSON.stringify(value));
      if (!known || items.length < least) items.push(value);
    }
    return items;
  };
};

const makeNumber = (schema: JsonObject, name: string): Maker => {
  const whole = schema["type"] === "integer";
  const bound = (inclusive: string, exclusive: string, step: number): number | null => {
    if (typeof schema[inclusive] === "number") return schema[inclusive];
    return typeof schema[exclusive] === "number" ? schema[exclusive] + step : null;
  };
  const step = typeof schema["multipleOf"] === "number" ? schema["multipleOf"] : 0;
  const isShare = /confiden|probab|certain|likelihood|(^|_)share$/i.test(name) && !whole;
  const min = bound("minimum", "exclusiveMinimum", whole ? 1 : 0.01) ?? 0;
  const max =
    bound("maximum", "exclusiveMaximum", whole ? -1 : -0.01) ?? (isShare ? 1 : Math.max(min + 100, 100));
  const fit = (value: number): number => {
    const inside = Math.min(max, Math.max(min, value));
    const rounded = whole ? Math.round(inside) : Math.round(inside * 100) / 100;
    return step > 0
      ? Math.ceil(min / step) * step + Math.floor((rounded - Math.ceil(min / step) * step) / step) * step
      : rounded;
  };
  if (isShare) return (context) => fit(0.55 + 0.2 * context.fit + 0.24 * unit(fieldHash(context, name)));
  return (context) => {
    const found = numbersIn(context.text).find(
      (value) => value >= min && value <= max && (!whole || Number.isInteger(value)),
    );
    return fit(found ?? min + unit(mix(context.hash, hashText(name))) * (max - min));
  };
};

export const schemaOf = (params: JsonObject): JsonObject | null => {
  const config = params["output_config"];
  const format = isObject(config) ? config["format"] : undefined;
  return isObject(format) && textOf(format["type"]) === "json_schema" && isObject(format["schema"])
    ? format["schema"]
    : null;
};
