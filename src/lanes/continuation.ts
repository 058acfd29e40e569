// A paused answer goes on: the turn is sent back as it came, behind the request it answers. What the provider paused for are its own
// tools, so nothing is added to it. Both lanes make their continuations here. What a job has to show that ends without an answer is read
// from its turns, whichever way it ended (output_of_turns in the database): nobody has to think of keeping it.

import { createHash } from "node:crypto";
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

/** The request that continues a paused answer, or null where there is none: an empty turn, or one that has no bound here. */
export function continuePaused(
  prepared: PreparedJobs,
  job: PausedJob,
  message: unknown,
): Continuation | null {
  const content = isRecord(message) ? message["content"] : undefined;
  if (!Array.isArray(content) || content.length === 0) return null;
  // In this order: output_of_turns cuts the content out of the text.
  const turn = toJson({ role: "assistant", content });
  try {
    const { params, ...request } = prepared.render(job.input, job.promptVersion, {
      turns: [...job.turns, turn],
    });
    if (request.bytes > requestBytesMax) return null;
    const requestSha256 = createHash("sha256").update(params).digest();
    return { turn, request, requestSha256 };
  } catch {
    return null;
  }
}
