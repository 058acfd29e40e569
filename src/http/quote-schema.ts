// A quote as the API shows it.
import { z } from "zod";
import { idSchema, instantSchema, lineErrorSchema, usdSchema } from "./schemas.ts";

const count = z.int().min(0);
const laneLoad = z.object({ jobs: count, worst_usd: usdSchema, finish_s: z.number().nullable() });

export const quoteSchema = z
  .object({
    id: idSchema,
    expires_at: instantSchema,
    accepted: count,
    invalid: count,
    errors: z.array(lineErrorSchema),
    worst_usd: usdSchema.meta({
      description: "One attempt of every line at its worst; the bulk's ceiling if it names this quote.",
    }),
    expected_usd: usdSchema,
    expected_from: z
      .int()
      .meta({ description: "Attempts of late that the expectation rests on; 0: a rule of thumb." }),
    lanes: z.object({ realtime: laneLoad, batch: laneLoad }),
    binding: z.discriminatedUnion("kind", [
      z.object({
        kind: z.literal("budget"),
        budget: z.string().nullable().meta({ description: "null: one that you may not see." }),
        available_usd: usdSchema.nullable(),
        short_usd: usdSchema.nullable(),
      }),
      z.object({ kind: z.literal("rate") }),
      z.object({ kind: z.literal("batch") }),
    ]),
    needs_approval: z.boolean(),
  })
  .meta({
    id: "Quote",
    description:
      "What a bulk would cost. finish_s: seconds to the last job of a lane, if nothing else is in the way.",
  });
