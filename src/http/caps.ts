// Caps as the API shows them.
import { z } from "zod";
import { limits } from "../config/limits.ts";
import { capNames, caps, type Caps, narrowed } from "../domain/caps.ts";
import { capPairSchema } from "../intake/caps.ts";

const count = z.int().min(0);

export const shownCaps = z
  .partialRecord(z.enum(Object.values(capNames)), count)
  .meta({ id: "Caps", description: "What a request, and what a bulk as a whole, may not pass." });

export const capsLeft = z
  .object({ attempts: count.nullable(), total_tokens: count.nullable() })
  .meta({ description: "What the bulk's own caps leave for further attempts; null: no such cap." });

/** One cap or several: `?cap=max_tokens_max:500&cap=bulk_attempts_max:1000`. */
export const capsQuery = z
  .union([capPairSchema.transform((pair) => [pair]), z.array(capPairSchema).max(limits.capsMax)])
  .transform((pairs): Caps => pairs.reduce((all, pair) => narrowed(all, pair), {}))
  .meta({
    description: `name:number; may be given several times. Names: ${caps.map((cap) => capNames[cap]).join(", ")}.`,
  });
