/** JSON as it comes from outside, and the API's own complaints about it. */
import { isUtf8 } from "node:buffer";
import { invalidRequest } from "./api-error.ts";

export type JsonObject = Record<string, unknown>;

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const objectOf = (value: unknown): JsonObject => (isObject(value) ? value : {});
export const listOf = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? (value as unknown[]) : [];
export const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

const surrogateEscape = /\\u[dD][89a-fA-F]/;
const loneSurrogate = (value: unknown): boolean => {
  if (typeof value === "string") return !isWellFormed(value);
  if (Array.isArray(value)) return value.some(loneSurrogate);
  return (
    isObject(value) &&
    Object.entries(value).some(([name, member]) => loneSurrogate(name) || loneSurrogate(member))
  );
};

const isWellFormed = (text: string): boolean => !/[\ud800-\udfff]/u.test(text);

const malformed = (why: string) => invalidRequest(`The request body is not valid JSON: ${why}`);

/**
 * Parses as strictly as the API does: valid UTF-8, and no lone surrogate even in an escape (JSON.stringify of a broken
 * string produces those, and the API refuses them).
 */
export const parseJson = (bytes: Buffer): unknown => {
  if (!isUtf8(bytes)) throw malformed("invalid UTF-8");
  const text = bytes.toString("utf8");
  const value = parseText(text);
  if (surrogateEscape.test(text) && loneSurrogate(value)) throw malformed("no low surrogate in string");
  return value;
};

const parseText = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw malformed(error instanceof Error ? error.message.slice(0, 120) : "unexpected end");
  }
};
