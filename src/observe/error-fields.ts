// What may be said about an error in the log. Messages of libraries quote what they were given: PostgreSQL shows the row,
// JSON.parse shows the text, the SDK shows the body. So no message is logged but the fixed title of a ServiceError; codes,
// classes, names of constraints and the place in the code say enough to find the cause.
import { ServiceError } from "../domain/errors.ts";
import type { LogFields } from "./log.ts";

/** Flat fields for `log.event(name, errorFields(error))`. */
export function errorFields(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error_class: error === null ? "null" : typeof error };
  const title = error instanceof ServiceError ? { error_title: error.message } : {};
  const cause = error.cause instanceof Error ? prefixed("cause", error.cause) : {};
  return { ...prefixed("error", error), ...title, ...cause };
}

function prefixed(prefix: "error" | "cause", error: Error): LogFields {
  return {
    [`${prefix}_class`]: error.name,
    [`${prefix}_code`]: codeOf(error, "code"),
    [`${prefix}_status`]: codeOf(error, "status"),
    [`${prefix}_constraint`]: codeOf(error, "constraint"),
    [`${prefix}_request_id`]: codeOf(error, "requestID"),
    [`${prefix}_at`]: placeOf(error),
  };
}

// Codes are words: ECONNRESET, 23505, jobs_state_check. Anything else in such a field is not a code and stays out.
function codeOf(error: Error, field: string): string | number | undefined {
  const value: unknown = Reflect.get(error, field);
  if (typeof value === "number") return value;
  return typeof value === "string" && /^[\w.:-]{1,100}$/.test(value) ? value : undefined;
}

/** The innermost place of our own code, as `src/money/hold.ts:42`. */
function placeOf(error: Error): string | undefined {
  const own = error.stack
    ?.split("\n")
    .find((line) => /^\s+at .*\/(src|jobs|scripts)\/[^ ]+:\d+/.test(line) && !line.includes("node_modules"));
  return own?.match(/\/((?:src|jobs|scripts)\/[^ ()]+:\d+):\d+/)?.[1];
}
