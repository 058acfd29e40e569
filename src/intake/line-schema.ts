// What may stand on a line beside its input, and the same fields where they are given once for a whole bulk. Everything here is
// stored as plain text or jsonb, so what PostgreSQL cannot hold (NUL, half surrogate pairs) is refused by name.
import { z } from "zod";
import { nearestName } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import type { FieldError } from "../domain/errors.ts";
import { inputErrors } from "../domain/input-error.ts";

/** Text without control characters and without half surrogate pairs. */
const printable = /^[^\p{Cc}\p{Surrogate}]*$/u;
export const printableText = (charsMax: number): z.ZodString =>
  z
    .string()
    .min(1)
    .max(charsMax)
    .refine((text) => printable.test(text), {
      error: "must not hold control characters or broken surrogate pairs",
    });

export const urgencySchema = z.enum(["now", "whenever"]).meta({
  description: "now: at once, full price. whenever: in message batches, half price.",
});

/** RFC 3339; lower-case t and z are allowed there and in no ISO parser. */
export const deadlineSchema = z
  .string()
  .max(40)
  .transform((text) => text.toUpperCase())
  .pipe(z.iso.datetime({ offset: true, error: "must be an RFC 3339 time, such as 2027-01-31T17:00:00Z" }))
  .transform((text) => new Date(text))
  .refine((at) => at.getUTCFullYear() >= 2000 && at.getUTCFullYear() <= 9998, {
    error: "must be between the years 2000 and 9998",
  });

export const prioritySchema = z.int().min(0).max(9).meta({ description: "0 to 9, higher first." });
export const keySchema = printableText(limits.keyCharsMax).meta({
  description: "Your own name for the line, unique in its bulk.",
});

export type Labels = Readonly<Record<string, string>>;

const labelName = printableText(limits.labelNameCharsMax).refine((name) => !name.includes(":"), {
  error: "must not hold a colon",
});
const labelValue = printableText(limits.labelValueCharsMax);

/** What is wrong with one label, in words; null if nothing is. */
function labelFault(name: string, value: unknown): string | null {
  const named = labelName.safeParse(name);
  if (!named.success) return `the name ${inputErrors(named.error)[0]?.reason ?? "is invalid"}`;
  const valued = labelValue.safeParse(value);
  return valued.success ? null : `the value ${inputErrors(valued.error)[0]?.reason ?? "is invalid"}`;
}

export const labelsSchema = z
  .custom<Labels>((value) => typeof value === "object" && value !== null && !Array.isArray(value), {
    error: "must be an object of names and texts",
  })
  .superRefine((labels, context) => {
    const entries = Object.entries(labels);
    if (entries.length > limits.labelsMax)
      context.addIssue({ code: "custom", message: `must have at most ${limits.labelsMax} labels` });
    for (const [name, value] of entries.slice(0, limits.labelsMax)) {
      const fault = labelFault(name, value);
      if (fault !== null) context.addIssue({ code: "custom", path: [name], message: fault });
    }
  });

const storedLabels = z.record(z.string(), z.string());

/** Labels as they come back from a row; null where there are none of its own. */
export const readLabels = (stored: unknown): Labels | null =>
  stored === null ? null : storedLabels.parse(stored);

/** `name:value`, as in `?label=`. */
export const labelPairSchema = z
  .string()
  .max(limits.labelNameCharsMax + limits.labelValueCharsMax + 1)
  .superRefine((pair, context) => {
    const at = pair.indexOf(":");
    const fault = at < 1 ? "must be name:value" : labelFault(pair.slice(0, at), pair.slice(at + 1));
    if (fault !== null) context.addIssue({ code: "custom", message: fault });
  })
  .transform((pair): Labels => ({ [pair.slice(0, pair.indexOf(":"))]: pair.slice(pair.indexOf(":") + 1) }));

/** What one line may say about its job. `null` means the same as leaving it out, because exporters write it for nothing. */
const choices = {
  key: keySchema.nullish(),
  urgency: urgencySchema.nullish(),
  deadline: deadlineSchema.nullish(),
  priority: prioritySchema.nullish(),
  labels: labelsSchema.nullish(),
};
export const lineSchema = z.strictObject({ input: z.unknown(), ...choices });
export const sharedLineSchema = z.strictObject({ shared: z.unknown() });
export type LineFields = z.output<typeof lineSchema>;

const unknownField = "is not a known field";

/** What a schema objects to, with the nearest known name for one that is unknown. */
export function schemaFaults(error: z.ZodError, known: readonly string[]): FieldError[] {
  return inputErrors(error).map(({ field, reason }) =>
    reason === unknownField && !field.includes(".") && field !== "*"
      ? { field, reason: `${unknownField}; did you mean ${nearestName(field, known)}?` }
      : { field, reason },
  );
}
