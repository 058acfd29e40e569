// From the text of a line to what it asks for. Never throws: whatever is wrong with a line is said in its own errors.
import { limits } from "../config/limits.ts";
import type { FieldError } from "../domain/errors.ts";
import { isNestedDeeper, isRecord } from "../domain/json-value.ts";
import { type LineFields, lineSchema, schemaFaults, sharedLineSchema } from "./line-schema.ts";
import type { RawLine } from "./line-splitter.ts";

export type ReadLine =
  | { readonly kind: "job"; readonly number: number; readonly fields: LineFields }
  | { readonly kind: "shared"; readonly number: number; readonly shared: unknown }
  | { readonly kind: "invalid"; readonly number: number; readonly errors: readonly FieldError[] };

const lineNames = Object.keys(lineSchema.shape);

/** Reads one line of an upload. */
export function readLine(raw: RawLine, lineBytesMax: number): ReadLine {
  const { number } = raw;
  if (raw.text === null) {
    const reason =
      raw.fault === "too_long"
        ? `is longer than ${lineBytesMax} bytes (SLUICE_LINE_BYTES_MAX)`
        : "is not valid UTF-8";
    return invalidLine(number, "", reason);
  }
  let value: unknown;
  try {
    value = JSON.parse(raw.text);
  } catch (error) {
    return invalidLine(number, "", `is not valid JSON${placeOf(error)}`);
  }
  return readValue(value, number);
}

/** Reads what a line holds, or an entry of the JSON form's `jobs`. */
export function readValue(value: unknown, number: number): ReadLine {
  if (!isRecord(value)) return invalidLine(number, "", "must be an object with the member input");
  if (isNestedDeeper(value, limits.jsonDepthMax + 1))
    return invalidLine(number, "", `is nested deeper than ${limits.jsonDepthMax} levels`);
  const tooLarge = infiniteNumber(value, "");
  if (tooLarge !== null) return invalidLine(number, tooLarge, "holds a number too large to be kept");
  if (Object.hasOwn(value, "shared")) return readShared(value, number);
  if (!Object.hasOwn(value, "input")) return missingInput(value, number);
  const parsed = lineSchema.safeParse(value);
  if (parsed.success) return { kind: "job", number, fields: parsed.data };
  return { kind: "invalid", number, errors: schemaFaults(parsed.error, lineNames) };
}

function readShared(value: Record<string, unknown>, number: number): ReadLine {
  const parsed = sharedLineSchema.safeParse(value);
  return parsed.success
    ? { kind: "shared", number, shared: parsed.data.shared }
    : invalidLine(number, "shared", "must stand alone on its line");
}

/** A line without `input` has usually a misspelt one, or is a bare input: both are said. */
function missingInput(value: Record<string, unknown>, number: number): ReadLine {
  const parsed = lineSchema.safeParse({ ...value, input: {} });
  const others = parsed.success ? [] : schemaFaults(parsed.error, lineNames);
  return {
    kind: "invalid",
    number,
    errors: [{ field: "input", reason: "is required" }, ...others].slice(0, limits.fieldErrorsMax),
  };
}

function invalidLine(number: number, field: string, reason: string): ReadLine {
  return { kind: "invalid", number, errors: [{ field, reason }] };
}

// JSON.parse turns 1e999 into Infinity, and JSON.stringify turns that into null: a silent change of what was sent.

/** The path of a number that JSON holds and JavaScript does not; null if there is none. */
export function infiniteNumber(value: unknown, path: string): string | null {
  if (typeof value === "number") return Number.isFinite(value) ? null : path;
  if (typeof value !== "object" || value === null) return null;
  for (const [name, each] of Object.entries(value)) {
    const own = /^\w{1,64}$/.test(name) ? name : "*";
    const found = infiniteNumber(each, path === "" ? own : `${path}.${own}`);
    if (found !== null) return found;
  }
  return null;
}

// The engine's message quotes the text; only the position is taken from it.
function placeOf(error: unknown): string {
  const position = error instanceof Error ? /at position (\d+)/.exec(error.message)?.[1] : undefined;
  return position === undefined ? "" : ` at character ${Number(position) + 1}`;
}
