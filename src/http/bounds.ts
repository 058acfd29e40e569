// What is known of counts and lengths, as the API shows it.
import { z } from "zod";
import { countSamplesMin, isTrusted } from "../domain/count-trust.ts";
import { rightSizing } from "../domain/right-size.ts";
import type { ModelTrust } from "../postgres/count-trust.ts";
import type { TypeSize } from "../postgres/right-sizes.ts";
import { iso } from "./present.ts";

const count = z.int().min(0);
const off = z.object({ at: z.iso.datetime(), reason: z.string() }).nullable();

export const countSchema = z
  .object({
    model: z.string(),
    used: z.boolean().meta({ description: "Whether holds rest on its counts now." }),
    margin_pct: z.number(),
    worst_pct: z.number().meta({ description: "The margin that would have covered the worst bill so far." }),
    samples: count,
    samples_needed: count,
    since: z.iso.datetime(),
    off,
  })
  .meta({ id: "ModelCounts" });

export function presentCounts(trust: ModelTrust) {
  return {
    model: trust.model,
    used: isTrusted(trust),
    margin_pct: trust.marginBp / 100,
    worst_pct: trust.worstBp / 100,
    samples: trust.samples,
    samples_needed: countSamplesMin,
    since: iso(trust.since),
    off: trust.offAt === null ? null : { at: iso(trust.offAt), reason: trust.offReason },
  };
}

export const sizeSchema = z
  .object({
    type: z.string(),
    prompt_version: z.int(),
    model: z.string(),
    max_tokens: z.int().nullable().meta({ description: "The cap that is sent; null: the declared one." }),
    samples: count,
    samples_needed: count,
    sized: count.meta({ description: "Answers under an effective cap lately." }),
    cut: count.meta({ description: "Those of them that it cut, and that were asked for once more." }),
    off,
  })
  .meta({ id: "RightSize" });

export function presentSize(size: TypeSize) {
  return {
    type: size.jobType,
    prompt_version: size.promptVersion,
    model: size.model,
    max_tokens: size.cap,
    samples: size.samples,
    samples_needed: rightSizing.samplesMin,
    sized: size.sized,
    cut: size.truncated,
    off: size.offAt === null ? null : { at: iso(size.offAt), reason: size.offReason },
  };
}
