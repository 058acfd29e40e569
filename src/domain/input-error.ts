// Refusals of an input, field by field. A reason is made of the schema's own words (types, limits, allowed values), never of what
// the caller sent: it is stored, shown and may be logged.

import type { z } from "zod";

export interface InputError {
  /** Path inside the input, dots between the parts (`messages.0.content`); empty for the input as a whole. */
  readonly field: string;
  /** A code of the error catalogue. */
  readonly code: "invalid_input" | "unbounded_cost" | "price_unknown" | "cap_exceeded";
  readonly reason: string;
}

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** Most errors named for one input; the rest would say nothing new. */
const inputErrorsMax = 20;

/** What the schema objects to, in the order it was found. `parents`: where in the input the schema stands. */
export function inputErrors(error: z.ZodError, parents: Path = []): InputError[] {
  return error.issues.flatMap((issue) => fromIssue(issue, parents)).slice(0, inputErrorsMax);
}

export function invalid(field: string, reason: string): InputError {
  return { field, code: "invalid_input", reason };
}

/** A path as text. Names that do not look like a field name may be content and are written as `*`. */
export function pathText(path: Path): string {
  return path.map((part) => (typeof part === "number" ? part : safeName(String(part)))).join(".");
}

function safeName(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/.test(name) ? name : "*";
}

function fromIssue(issue: Issue, parents: Path): InputError[] {
  const path = [...parents, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => invalid(pathText([...path, key]), "is not a known field"));
  }
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    // The branch that got furthest into the value is the one that was meant.
    const meant = issue.errors.reduce((best, branch) => (depthOf(branch) > depthOf(best) ? branch : best));
    return meant.flatMap((each) => fromIssue(each, path));
  }
  const code: unknown = issue.code === "custom" ? issue.params?.["code"] : undefined;
  return [
    {
      field: pathText(path),
      code: code === "price_unknown" ? code : "invalid_input",
      reason: reasonOf(issue),
    },
  ];
}

function depthOf(issues: readonly Issue[]): number {
  const depths = issues.map((issue) =>
    issue.code === "invalid_union" && issue.errors.length > 0
      ? issue.path.length + Math.max(...issue.errors.map(depthOf))
      : issue.path.length + (issue.code === "invalid_type" ? 0 : 0.5),
  );
  return Math.max(0, ...depths);
}

function reasonOf(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return typeReason(issue);
    case "too_big":
    case "too_small":
      return `must ${amountReason(issue)}`;
    case "invalid_format":
      return formatReason(issue);
    case "invalid_value":
      return `must be one of ${issue.values.slice(0, allowedShownMax).map(String).join(", ")}`;
    case "custom":
      // Written by the author of the job type, who is told not to quote values.
      return issue.message;
    case "invalid_union":
      return "has none of the allowed forms";
    case "not_multiple_of":
      return `must be a multiple of ${issue.divisor}`;
    case "unrecognized_keys":
    case "invalid_key":
    case "invalid_element":
      break;
  }
  return "has a part that is not allowed";
}

function typeReason(issue: Extract<Issue, { code: "invalid_type" }>): string {
  // The value itself is not part of an issue; the library's own sentence is the only place that says it was absent.
  return issue.message.endsWith("received undefined") ? "is required" : `must be of type ${issue.expected}`;
}

/** Allowed values named in a reason; a list of 500 helps nobody. */
const allowedShownMax = 12;

function formatReason(issue: Extract<Issue, { code: "invalid_format" }>): string {
  return issue.format === "regex" ? `must match ${String(issue.pattern)}` : `must be a valid ${issue.format}`;
}

function amountReason(issue: Extract<Issue, { code: "too_big" | "too_small" }>): string {
  const limit = issue.code === "too_big" ? `at most ${issue.maximum}` : `at least ${issue.minimum}`;
  if (issue.origin === "string") return `have ${limit} characters`;
  return issue.origin === "array" || issue.origin === "set" ? `have ${limit} items` : `be ${limit}`;
}
