// From a result line to the record of its attempt. Pure but for the hash.

import { createHash } from "node:crypto";
import type { Answer } from "../../domain/answer.ts";
import type { AttemptOutcome } from "../../domain/attempt.ts";
import { stepAfterLine } from "../../domain/batch-line.ts";
import type { LineResult, LineStep, LineTerms } from "../../domain/batch-line.ts";
import { forbidden } from "../../domain/refused-models.ts";
import { cutByCap } from "../../domain/right-size.ts";
import { costNanoUsd, findPrice, readUsage } from "../../domain/price.ts";
import type { SettledLine } from "../../postgres/message-batch-lines.ts";
import type { AttemptEnd, AttemptRecord, Continuation } from "../../postgres/record.ts";
import { afterAnswer } from "../realtime/settle-call.ts";

export interface SettleTerms extends Omit<LineTerms, "tries" | "unwanted"> {
  /** When the batch was created, and when the provider had ended it. */
  readonly sentAt: Date | null;
  readonly answeredAt: Date;
  readonly blame: Blame;
}

/** What a refusal of the line is blamed on. `suspect`: the request, if it comes to that again: its model has answered others. */
export type Blame = "model" | "suspect" | "request";

/** A result and what was read of its message; `answer` is null when it could not be read for want of the job's input or type. */
export interface ReadResult {
  readonly result: LineResult;
  readonly answer: Answer | null;
  /** For an answer that is paused: how it goes on, where it can. */
  readonly continuation: Continuation | null;
}

/** The record that ends the line's attempt. */
export function settleLine(
  line: SettledLine,
  { result, answer, continuation }: ReadResult,
  terms: SettleTerms,
): AttemptRecord {
  const base = { jobId: line.job_id, attemptNo: line.no };
  const times = { answeredAt: terms.answeredAt, ...(terms.sentAt !== null && { sentAt: terms.sentAt }) };
  if (result.type === "succeeded")
    return {
      ...base,
      ...settleMessage(line, result.message, answer === null ? null : { answer, continuation }, times),
    };
  const outcome = result.type === "errored" ? result.outcome : result.type;
  const known =
    result.type === "errored"
      ? {
          ...(result.errorType !== null && { errorType: result.errorType }),
          ...(result.requestId !== null && { requestId: result.requestId }),
        }
      : {};
  return {
    ...base,
    attempt: { state: "unpaid", outcome, costNano: 0n, realtimeNano: 0n, ...known, ...times },
    next: stepOf(outcome, line, terms),
  };
}

function stepOf(outcome: AttemptOutcome, line: SettledLine, terms: SettleTerms): LineStep {
  const isModelRefused = outcome === "model_refused";
  if (isModelRefused && terms.blame === "request") return forbidden;
  const unwanted = line.cancel_requested_at !== null;
  const step = stepAfterLine(outcome, { ...terms, tries: line.tries, unwanted });
  // Its model is not held back: it waits for a batch like any other.
  const waitsOn = isModelRefused && terms.blame === "suspect" && step.state === "queued";
  return waitsOn ? { ...step, waitReason: "batch" } : step;
}

type Settled = Pick<AttemptRecord, "attempt" | "next" | "result">;

interface ReadMessage {
  readonly answer: Answer;
  readonly continuation: Continuation | null;
}

function settleMessage(
  line: SettledLine,
  message: Readonly<Record<string, unknown>>,
  read: ReadMessage | null,
  times: Pick<AttemptEnd, "sentAt" | "answeredAt">,
): Settled {
  const { stop_reason: stopReason, usage } = message;
  const attempt: AttemptEnd = {
    ...billOf(line, usage),
    outcome: read?.answer.outcome ?? "invalid_output",
    answerSha256: createHash("sha256").update(JSON.stringify(message)).digest(),
    ...(typeof stopReason === "string" && { stopReason }),
    ...(typeof usage === "object" && usage !== null && { usage }),
    ...times,
  };
  return { attempt, ...afterMessage(line, read, stopReason) };
}

/** What it cost. Without a usage that can be priced it is booked at its worst case, which an audit may correct. */
function billOf(line: SettledLine, raw: unknown): Pick<AttemptEnd, "state" | "costNano" | "realtimeNano"> {
  const usage = readUsage(raw);
  const price = findPrice(line.price_id);
  if (usage === null || price === undefined)
    return { state: "presumed", costNano: line.worst_nano, realtimeNano: line.worst_nano * 2n };
  return {
    state: "settled",
    costNano: costNanoUsd(usage, { lane: "batch", price }),
    realtimeNano: costNanoUsd(usage, { lane: "realtime", price }),
  };
}

function afterMessage(
  line: SettledLine,
  read: ReadMessage | null,
  stopReason: unknown,
): Pick<Settled, "next" | "result"> {
  // The input is gone only with a deleted bulk, whose jobs have their outcome: the money is booked and nothing else moves.
  if (read === null)
    return { next: { state: "failed", failureCode: "job_type_gone", failureFault: "sluice" } };
  const after = afterAnswer(read, "batch");
  if (!isCutByCap(line, stopReason)) return after;
  const soFar = after.result?.output ?? null;
  return {
    next: { state: "queued", retryReason: cutByCap, countsTry: false, waitReason: "batch", soFar },
  };
}

/** Cut by our own cap: it gets the declared one, unless nobody wants it any more. */
const isCutByCap = (line: SettledLine, stopReason: unknown): boolean =>
  line.is_capped && stopReason === "max_tokens" && line.cancel_requested_at === null;
