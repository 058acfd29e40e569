/** Strings of an answer: looked up in the text where the field's name says what it is, else written to fit. */
import { between, mix, pick } from "../chance.ts";
import type { JsonObject } from "../json.ts";
import { fieldHash, instructionsOf } from "./answer-context.ts";
import type { AnswerContext } from "./answer-context.ts";
import { finderOf, gist } from "./facts.ts";
import { bestLabel, compileLabels, listedLabels } from "./label-match.ts";
import { textForPattern } from "./pattern.ts";
import type { Maker } from "./schema.ts";

const gistCharsMax = 120;

const two = (value: number): string => String(value).padStart(2, "0");
const hex = (hash: number): string => hash.toString(16).padStart(8, "0");

const formats: Readonly<Record<string, (hash: number) => string>> = {
  "date-time": (hash) =>
    `2026-${two(between(hash, 1, 12))}-${two(between(mix(hash, 1), 1, 28))}T${two(between(mix(hash, 2), 0, 23))}:00:00Z`,
  date: (hash) => `2026-${two(between(hash, 1, 12))}-${two(between(mix(hash, 1), 1, 28))}`,
  time: (hash) => `${two(between(hash, 0, 23))}:${two(between(mix(hash, 1), 0, 59))}:00Z`,
  duration: (hash) => `PT${between(hash, 1, 90)}M`,
  email: (hash) => `contact${between(hash, 1, 999)}@example.com`,
  hostname: (hash) => `host${between(hash, 1, 999)}.example.com`,
  uri: (hash) => `https://example.com/${hex(hash)}`,
  ipv4: (hash) => `192.0.2.${between(hash, 1, 254)}`,
  ipv6: (hash) => `2001:db8::${between(hash, 1, 9999)}`,
  uuid: (hash) =>
    `${hex(hash)}-${hex(mix(hash, 1)).slice(0, 4)}-4${hex(mix(hash, 2)).slice(0, 3)}-8${hex(mix(hash, 3)).slice(0, 3)}-${hex(mix(hash, 4))}${hex(mix(hash, 5)).slice(0, 4)}`,
};

const valid: Readonly<Record<string, RegExp>> = {
  email: /^[^\s@]+@[^\s@]+\.[a-z]{2,}$/i,
  uri: /^https?:\/\/\S+$/,
  date: /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/,
};

const stock = ["See the message.", "Taken from the text as written.", "Nothing further stated."] as const;

export const makeString = (schema: JsonObject, name: string): Maker => {
  const format = typeof schema["format"] === "string" ? schema["format"] : null;
  const pattern = typeof schema["pattern"] === "string" ? schema["pattern"] : null;
  const least = Number(schema["minLength"] ?? 0);
  const most = Number(schema["maxLength"] ?? gistCharsMax);
  const find = finderOf(name);
  const isLabel = /label|intent|category|class|topic|sentiment|language/i.test(name);
  const fits = (text: string): boolean =>
    text.length <= most &&
    text.length >= least &&
    matches(text, pattern) &&
    (format === null || (valid[format]?.test(text) ?? false));
  const written = (context: AnswerContext): string => {
    const hash = fieldHash(context, name);
    if (format !== null && formats[format] !== undefined) return formats[format](hash);
    const patterned = pattern === null ? null : textForPattern(pattern, hash);
    if (patterned !== null) return patterned;
    const text = gist(context.text, Math.min(most, gistCharsMax)) || pick(hash, stock);
    return text.slice(0, most).padEnd(least, ".");
  };
  const labelled = (context: AnswerContext): string | null => {
    if (!isLabel || format !== null || pattern !== null) return null;
    const labels = listedLabels(instructionsOf(context));
    return labels.length > 0 ? bestLabel(compileLabels(labels), context) : null;
  };
  return (context, nullable) => {
    if (context.abstained !== null && nullable) return null;
    const found = find?.(context.text) ?? null;
    if (found !== null && fits(found)) return found;
    return find !== null && nullable ? null : (labelled(context) ?? written(context));
  };
};

const matches = (text: string, pattern: string | null): boolean => {
  if (pattern === null) return true;
  try {
    return new RegExp(pattern, "u").test(text);
  } catch {
    return false;
  }
};
