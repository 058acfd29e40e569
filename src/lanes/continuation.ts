// A paused answer goes on: the turn is sent back as it came, behind the request it answers. What the provider paused for are its own
// tools, so nothing is added to it. Both lanes make their continuations here.

import { createHash } from "node:crypto";
import { isRecord, toJson } from "../domain/json-value.ts";
import type { PreparedJobs } from "../domain/prepared-jobs.ts";
import { requestBytesMax } from "../domain/rendered-request.ts";
import type { AttemptRecord, Continuation } from "../postgres/record.ts";

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

/** The record of an attempt that went on with paused turns: where its job must not go on, what they hold is kept. */
export function keepTurns(
  record: AttemptRecord,
  prepared: PreparedJobs,
  { input, turns }: Pick<PausedJob, "input" | "turns">,
): AttemptRecord {
  const { next } = record;
  const mayLose = next.state === "failed" || (next.state === "queued" && next.continuation === undefined);
  if (turns.length === 0 || !mayLose) return record;
  const soFar = prepared.readAnswer(input, { content: [], stop_reason: "pause_turn" }, turns);
  if (soFar.outcome !== "paused" || soFar.output === null) return record;
  const { output } = soFar;
  if (next.state === "queued") return { ...record, next: { ...next, soFar: output } };
  return { ...record, result: { output, confidence: null, abstained: null, reason: "pause_turn" } };
}
