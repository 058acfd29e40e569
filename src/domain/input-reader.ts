// Validation of one line's input, with what its bulk shares. The effective input is {...shared, ...line}; what is stored is the
// line's own part only, in canonical form, so that 77 labels shared by 10,000 lines are stored and validated once.

import type { z } from "zod";
import { fieldCharsMaxDefault } from "./job-type.ts";
import type { JobTypeDefinition } from "./job-type.ts";
import { inputErrors, invalid } from "./input-error.ts";
import type { InputError } from "./input-error.ts";
import { isNestedDeeper, isRecord, nestingMax, parseRecord, toJson } from "./json-value.ts";

export type Values = Record<string, unknown>;
export type Refusal = { readonly ok: false; readonly errors: InputError[] };
/** `text`: canonical JSON of the line's own fields; `own`: the same parsed back. */
export type ReadInput = { readonly ok: true; readonly text: string; readonly own: Values } | Refusal;

/** Validates what a bulk shares: only shareable fields, each valid by itself. `shared` is the canonical JSON text to store. */
export function readShared(
  definition: JobTypeDefinition,
  shared: unknown,
): { ok: true; shared: string } | Refusal {
  const shape = shapeProblem(shared);
  if (shape !== null || !isRecord(shared)) return refuse([invalid("", shape ?? "must be an object")]);
  const errors: InputError[] = [];
  const values: Values = {};
  for (const [name, value] of Object.entries(shared)) {
    const schema = definition.fields[name]?.shareable === true ? definition.input.shape[name] : undefined;
    const parsed = schema?.safeParse(value);
    if (parsed === undefined)
      errors.push(invalid(name.slice(0, 64), "cannot be shared by the jobs of a bulk"));
    else if (parsed.success) values[name] = parsed.data;
    else errors.push(...inputErrors(parsed.error, [name]));
  }
  errors.push(...tooLong(definition, values));
  return errors.length > 0 ? refuse(errors) : { ok: true, shared: toJson(values) };
}

/**
 * A reader for the lines of one bulk. Where a line names none of the shared fields, and no rule of the schema spans fields, only
 * the line's own fields are validated: the shared ones have been.
 */
export function inputReader(definition: JobTypeDefinition, shared: Values): (input: unknown) => ReadInput {
  const sharedNames = Object.keys(shared);
  const spansFields = (definition.input.def.checks?.length ?? 0) > 0;
  const ownSchema =
    spansFields || sharedNames.length === 0 ? definition.input : without(definition.input, sharedNames);
  return (input) => {
    const shape = shapeProblem(input);
    if (shape !== null || !isRecord(input)) return refuse([invalid("", shape ?? "must be an object")]);
    const whole =
      sharedNames.length > 0 && (spansFields || sharedNames.some((name) => Object.hasOwn(input, name)));
    const parsed = whole ? definition.input.safeParse({ ...shared, ...input }) : ownSchema.safeParse(input);
    if (!parsed.success) return refuse(inputErrors(parsed.error));
    const own = whole ? withoutShared(parsed.data, input, shared) : parsed.data;
    const errors = tooLong(definition, own);
    if (errors.length > 0) return refuse(errors);
    const text = toJson(own);
    // Parsed back, so that the first rendering sees exactly what every later one reads from the store.
    return { ok: true, text, own: parseRecord(text) };
  };
}

function without(input: z.ZodObject, names: readonly string[]): z.ZodObject {
  const mask: Record<string, true> & Record<number, never> = {};
  for (const name of names) mask[name] = true;
  return input.omit(mask);
}

export function refuse(errors: InputError[]): Refusal {
  return { ok: false, errors };
}

function shapeProblem(value: unknown): string | null {
  return isNestedDeeper(value) ? `is nested deeper than ${nestingMax} levels` : null;
}

function withoutShared(parsed: Values, input: Values, shared: Values): Values {
  return Object.fromEntries(
    Object.entries(parsed).filter(([name]) => Object.hasOwn(input, name) || !Object.hasOwn(shared, name)),
  );
}

function tooLong(definition: JobTypeDefinition, values: Values): InputError[] {
  const errors: InputError[] = [];
  for (const name in values) {
    const value = values[name];
    const charsMax = definition.fields[name]?.charsMax ?? fieldCharsMaxDefault;
    if (charsOf(value) > charsMax) errors.push(invalid(name, `must have at most ${charsMax} characters`));
  }
  return errors;
}

function charsOf(value: unknown): number {
  if (typeof value === "string") return value.length;
  return typeof value === "object" && value !== null ? JSON.stringify(value).length : 0;
}
