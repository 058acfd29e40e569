// What settings are made of: a name, a schema, a sentence, whether it is a secret; and the few kinds of values there are.
import { z } from "zod";
import { parseUsd } from "../domain/money.ts";

/** What a setting carries beside its schema; read back with `setting.meta()`. */
const describe = <Schema extends z.ZodType>(
  name: string,
  schema: Schema,
  about: string,
  secret: boolean,
): Schema => schema.meta({ title: name, description: about, secret });
export const setting = <Schema extends z.ZodType>(name: string, schema: Schema, about: string): Schema =>
  describe(name, schema, about, false);
/** A setting whose value is masked wherever settings are shown. */
export const secret = <Schema extends z.ZodType>(name: string, schema: Schema, about: string): Schema =>
  describe(name, schema, about, true);

export const text = z.string().trim();
export const whole = (min: number, max: number, preset: number) =>
  text
    .regex(/^\d[\d_]*$/, "must be a whole number, such as 5000 or 5_000")
    .transform((digits) => Number(digits.replaceAll("_", "")))
    .pipe(z.number().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`))
    .default(preset);
export const oneOf = <const Values extends readonly [string, ...string[]]>(...values: Values) =>
  z.enum(values, { error: `must be one of ${values.join(", ")}` });
export const urlOf = (schemes: readonly string[], example: string) =>
  text.refine((value) => schemes.some((scheme) => value.startsWith(`${scheme}://`)) && URL.canParse(value), {
    error: `must be a URL such as ${example}`,
  });

export const usd = text.transform((amount, context) => {
  const nano = parseUsd(amount);
  if (nano !== null) return nano;
  context.addIssue({ code: "custom", message: "must be dollars, such as 5 or 12.50" });
  return z.NEVER;
});

/** A secret of the Standard Webhooks scheme: 24 to 64 bytes in base64, usually after `whsec_`. */
export const signingSecret = text.refine(
  (value) => {
    const base64 = value.replace(/^whsec_/, "");
    const bytes = Buffer.from(base64, "base64");
    return /^[A-Za-z0-9+/]+={0,2}$/.test(base64) && bytes.length >= 24 && bytes.length <= 64;
  },
  { error: "must be whsec_ and 24 to 64 random bytes in base64, such as from openssl rand -base64 32" },
);
