// A paused answer goes on: the turn is sent back as it came, behind the request it answers. What the provider paused for are its own
// tools, so nothing is added to it. Both lanes make their continuations here.

import { createHash } from "node:crypto";
import type { Answer } from "../domain/answer.ts";
import { isRecord, toJson } from "../domain/json-value.ts";
import type { PreparedJobs } from "../domain/prepared-jobs.ts";
import { requestBytesMax } from "../domain/rendered-request.ts";
import type { Continuation } from "../postgres/record.ts";

export interface PausedJob {
  readonly input: string;
  readonly promptVersion: number;
  /** Turns of earlier pauses. */
  readonly turns: readonly string[];
}

type Paused = Extract<Answer, { outcome: "paused" }>;

/** The request that continues a paused answer, or null where there is none: an empty turn, or one that has no bound here. */
export function continuePaused(
  prepared: PreparedJobs,
  job: PausedJob,
  paused: Paused & { readonly message: unknown },
): Continuation | null {
  const content = isRecord(paused.message) ? paused.message["content"] : undefined;
  if (!Array.isArray(content) || content.length === 0) return null;
  const turn = toJson({ role: "assistant", content });
  try {
    const { params, ...request } = prepared.render(job.input, job.promptVersion, {
      turns: [...job.turns, turn],
    });
    if (request.bytes > requestBytesMax) return null;
    const requestSha256 = createHash("sha256").update(params).digest();
    return { turn, request, requestSha256, output: paused.output };
  } catch {
    return null;
  }
}
