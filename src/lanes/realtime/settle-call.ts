// From the end of a call to the record of its attempt: what it cost, what becomes of the job. Pure, so that every row of the
// provider's error table is a test without a provider.

import { outcomeRules } from "../../domain/attempt.ts";
import type { AttemptOutcome, OutcomeRule } from "../../domain/attempt.ts";
import type { Answer } from "../../domain/answer.ts";
import { isRecord } from "../../domain/json-value.ts";
import { costNanoUsd, readUsage } from "../../domain/price.ts";
import { retryDelayMs } from "../../domain/retry.ts";
import { cutByCap } from "../../domain/right-size.ts";
import type { RetryReason, RetryTimes } from "../../domain/retry.ts";
import type { ClaimedJob } from "../../postgres/claim.ts";
import type { WaitReason } from "../../domain/job.ts";
import type { AttemptEnd, AttemptRecord, Continuation, NextStep } from "../../postgres/record.ts";
import type { CallEnd } from "../../provider/call-end.ts";

export interface SettleTerms {
  retry: RetryTimes;
  /** Unpaid failures of the provider's own making that a job may see. */
  triesMax: number;
  now: Date;
  /** A draw from [0, 1) for the jitter. */
  random: number;
}

/** What was read of an answer, with the SHA-256 of its text. */
export interface ReadAnswer {
  answer: Answer;
  sha256: Buffer;
  /** For an answer that is paused: how it goes on, where it can. */
  continuation: Continuation | null;
}

type ReachedEnd = Exclude<CallEnd<unknown>, { kind: "shut" }>;

/** The record of an attempt whose call ended. `read` is given for kind "answer" when its body could be read as a Message. */
export function settleCall(
  job: ClaimedJob,
  end: ReachedEnd,
  read: ReadAnswer | null,
  terms: SettleTerms,
): AttemptRecord {
  if (end.kind === "answer") return settleAnswer(job, end, read, terms);
  const rule = outcomeRules[end.outcome];
  const known = end.kind === "error" ? errorFieldsOf(end) : {};
  const times = { sentAt: end.sentAt, answeredAt: end.answeredAt };
  const retryAfterMs = end.kind === "error" ? end.retryAfterMs : undefined;
  return {
    jobId: job.id,
    attemptNo: job.attemptNo,
    attempt: { ...billOf(rule, job), outcome: end.outcome, ...known, ...times },
    next: nextStep(job, end.outcome, terms, retryAfterMs),
  };
}

/** The record of an attempt that the gate kept from being sent: nothing was paid, the job goes back and waits. */
export function settleShut(job: ClaimedJob, why: "pause" | "stop" | "no_permission"): AttemptRecord {
  return unsent(job, why, why === "pause" ? "pause" : "stop");
}

/** The record of an attempt of which nothing has left this process: the job goes back as it was. */
export function unsent(
  job: Pick<ClaimedJob, "id" | "attemptNo">,
  retryReason: RetryReason,
  waitReason?: "pause" | "stop",
): AttemptRecord {
  return {
    jobId: job.id,
    attemptNo: job.attemptNo,
    attempt: { state: "unpaid", outcome: "not_sent", costNano: 0n, realtimeNano: 0n },
    next: {
      state: "queued",
      retryReason,
      countsTry: false,
      ...(waitReason !== undefined && { waitReason }),
    },
  };
}

/** The record of an attempt that never left, by a fault of ours that no further try can mend. */
export function settleBroken(job: ClaimedJob, failureCode: string): AttemptRecord {
  return {
    jobId: job.id,
    attemptNo: job.attemptNo,
    attempt: { state: "unpaid", outcome: "not_sent", costNano: 0n, realtimeNano: 0n },
    next: { state: "failed", failureCode, failureFault: "sluice" },
  };
}

type AnswerEnd = Extract<CallEnd<unknown>, { kind: "answer" }>;

function settleAnswer(
  job: ClaimedJob,
  end: AnswerEnd,
  read: ReadAnswer | null,
  terms: SettleTerms,
): AttemptRecord {
  const message = isRecord(end.body) ? end.body : {};
  const usage = readUsage(message["usage"]);
  const times = { sentAt: end.sentAt, answeredAt: end.answeredAt, httpStatus: end.status };
  const seen = { ...times, ...(end.requestId !== undefined && { requestId: end.requestId }) };
  const base = { jobId: job.id, attemptNo: job.attemptNo };
  // An answer without a readable message: computed and billed by all appearances, and nobody can say at what price.
  if (read === null)
    return {
      ...base,
      attempt: { ...billOf(outcomeRules.unknown_end, job), outcome: "unknown_end", ...seen },
      next: nextStep(job, "unknown_end", terms),
    };
  const cost = usage === null ? job.worstNano : costNanoUsd(usage, { lane: "realtime", price: job.price });
  const attempt: AttemptEnd = {
    state: usage === null ? "presumed" : "settled",
    outcome: read.answer.outcome,
    costNano: cost,
    realtimeNano: cost,
    answerSha256: read.sha256,
    ...seen,
    ...(typeof message["stop_reason"] === "string" && { stopReason: message["stop_reason"] }),
    ...(isRecord(message["usage"]) && { usage: message["usage"] }),
  };
  // Cut by our own cap: it gets the declared one, in a turn that was left for it.
  const after = afterAnswer(read, "schedule");
  if (job.cap === undefined || message["stop_reason"] !== "max_tokens") return { ...base, attempt, ...after };
  const soFar = after.result?.output ?? null;
  return { ...base, attempt, next: { state: "queued", retryReason: cutByCap, countsTry: false, soFar } };
}

/** What becomes of a job whose attempt was answered: its outcome, or, for one that is paused, another attempt. */
export function afterAnswer(
  { answer, continuation }: Omit<ReadAnswer, "sha256">,
  waitReason: WaitReason,
): Pick<AttemptRecord, "next" | "result"> {
  if (answer.outcome !== "paused") return { next: { state: answer.outcome }, result: resultOf(answer) };
  if (continuation === null) return { next: { state: "truncated" }, result: resultOf(answer) };
  const { output: soFar } = answer;
  return {
    next: { state: "queued", retryReason: "pause_turn", countsTry: false, waitReason, continuation, soFar },
  };
}

/** What is stored for the caller; reasons are names and codes, never what the model wrote. */
function resultOf(answer: Answer): NonNullable<AttemptRecord["result"]> {
  switch (answer.outcome) {
    case "succeeded":
      return {
        output: answer.output,
        confidence: answer.confidence,
        abstained: answer.abstained,
        reason: null,
      };
    case "paused":
      return { output: answer.output, confidence: null, abstained: null, reason: "pause_turn" };
    case "refused":
      return { output: null, confidence: null, abstained: null, reason: answer.category };
    case "truncated":
      return { output: answer.output, confidence: null, abstained: null, reason: null };
    case "invalid_output":
      return { output: null, confidence: null, abstained: null, reason: answer.reason };
    default:
      return answer satisfies never;
  }
}

function billOf(rule: OutcomeRule, job: ClaimedJob): Pick<AttemptEnd, "state" | "costNano" | "realtimeNano"> {
  return rule.bill === "worst"
    ? { state: "presumed", costNano: job.worstNano, realtimeNano: job.worstNano }
    : { state: "unpaid", costNano: 0n, realtimeNano: 0n };
}

/** What becomes of a job whose attempt brought no answer. */
function nextStep(
  job: ClaimedJob,
  outcome: AttemptOutcome,
  terms: SettleTerms,
  retryAfterMs?: number,
): NextStep {
  const rule = outcomeRules[outcome];
  const fault = rule.fault ?? "provider";
  if (rule.next === "final")
    return { state: rule.state ?? "failed", failureCode: outcome, failureFault: fault };
  const paid = job.attemptsCounted + (rule.bill === "worst" ? 1 : 0);
  const tries = job.tries + 1;
  if (paid >= job.attemptsMax)
    return { state: "failed", failureCode: "attempts_exhausted", failureFault: fault };
  if (rule.next === "retry" && tries >= terms.triesMax)
    return { state: "failed", failureCode: outcome, failureFault: fault };
  const delayMs = retryDelayMs(terms.retry, job.attemptNo, terms.random, retryAfterMs);
  return {
    state: "queued",
    retryReason: outcome,
    countsTry: rule.next === "retry",
    notBefore: new Date(terms.now.getTime() + delayMs),
    waitReason: rule.waitReason ?? "schedule",
  };
}

type ErrorEnd = Extract<CallEnd<unknown>, { kind: "error" }>;

function errorFieldsOf(end: ErrorEnd): Pick<AttemptEnd, "httpStatus" | "errorType" | "requestId"> {
  return {
    httpStatus: end.status,
    ...(end.type !== undefined && { errorType: end.type }),
    ...(end.requestId !== undefined && { requestId: end.requestId }),
  };
}
