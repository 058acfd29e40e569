// The caps of a submission: read from what a caller gives, laid over those of the job type and held against what came in.
import { z } from "zod";
import {
  brokenBulkCap,
  type BulkLoad,
  capNames,
  type Caps,
  narrowed,
  readCaps,
  widened,
} from "../domain/caps.ts";
import { ServiceError } from "../domain/errors.ts";
import type { IntakeDeps, Submission } from "./submit.ts";

const capValue = z.int().min(0);
const names: readonly string[] = Object.values(capNames);

/** `{"max_tokens_max": 500, …}`. */
export const capsSchema = z
  .strictObject(Object.fromEntries(names.map((name) => [name, capValue.optional()])))
  .transform((named): Caps => readCaps(named))
  .meta({ description: "What the work may not pass. Caps only make smaller what the job type allows." });

/** `name:number`, as in `?cap=`. */
export const capPairSchema = z
  .string()
  .max(60)
  .superRefine((pair, context) => {
    const [name = "", value = ""] = pair.split(":");
    if (!names.includes(name))
      context.addIssue({
        code: "custom",
        message: `must be name:number, the name one of ${names.join(", ")}`,
      });
    else if (!/^\d{1,15}$/.test(value) || pair !== `${name}:${value}`)
      context.addIssue({ code: "custom", message: "must be name:number, a whole number" });
  })
  .transform((pair): Caps => {
    const [name = "", value = ""] = pair.split(":");
    return readCaps({ [name]: Number(value) });
  });

/**
 * The caps in force for a submission. The queue's word for attempts counts before the job type's; the installation's is the ceiling of
 * both.
 * @throws ServiceError invalid_input for a cap that is above what it may only make smaller
 */
export function capsOf(
  { settings }: Pick<IntakeDeps, "settings">,
  { queue, jobType, caps = {}, retryOf }: Submission,
): Caps & { readonly attemptsMax: number } {
  const attemptsMax = Math.min(queue.attemptsMax ?? jobType.attemptsMax, settings.attemptsMax);
  const own = { ...jobType.caps, attemptsMax };
  // What is tried again brings the caps it had, whatever its type says by now.
  const above = retryOf === undefined ? widened(own, caps) : [];
  if (above.length > 0)
    throw new ServiceError("invalid_input", {
      detail: "A cap may only be made smaller.",
      fields: above.map(({ name, most }) => ({
        field: `caps.${name}`,
        reason: `must be at most ${most} here`,
      })),
    });
  if (caps.attemptsMax === 0)
    throw new ServiceError("invalid_input", { field: "caps.attempts_max", detail: "must be at least 1" });
  const both = narrowed(own, caps);
  return { ...both, attemptsMax: both.attemptsMax ?? attemptsMax };
}

/** @throws ServiceError cap_exceeded if a bulk breaks one of its caps as a whole */
export function refuseIfAbove(load: BulkLoad, own: Caps): void {
  const broken = brokenBulkCap(load, own);
  if (broken === null) return;
  const { name, detail, reason } = broken;
  throw new ServiceError("cap_exceeded", { detail, fields: [{ field: `caps.${name}`, reason }] });
}
