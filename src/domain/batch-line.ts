// One line of a message batch's results: read from its JSON, and what it means for the job.
//
// Only succeeded lines are billed. The others are told apart one by one, because one batch mixes a caller's broken request with
// an overloaded provider: the first is an outcome, the second goes back. A line that goes back counts as a try whatever the
// reason, since a round through a batch takes minutes and a line that never succeeds must end. What a line says in words is
// compared with three documented beginnings and never stored.

import type { AttemptOutcome } from "./attempt.ts";
import { outcomeRules } from "./attempt.ts";
import type { FinalState, Fault, WaitReason } from "./job.ts";
import { isRecord } from "./json-value.ts";
import { retryDelayMs } from "./retry.ts";
import type { RetryReason, RetryTimes } from "./retry.ts";

export type LineResult =
  | { readonly type: "succeeded"; readonly message: Readonly<Record<string, unknown>> }
  | {
      readonly type: "errored";
      readonly outcome: AttemptOutcome;
      readonly errorType: string | null;
      readonly requestId: string | null;
    }
  | { readonly type: "canceled" }
  | { readonly type: "expired" };

export interface ResultLine {
  readonly customId: string;
  readonly result: LineResult;
}

/** Reads one line; null for anything that is not a result: the download is broken then, not the job. */
export function readResultLine(text: string): ResultLine | null {
  const value = parse(text);
  if (!isRecord(value) || typeof value["custom_id"] !== "string" || !isRecord(value["result"])) return null;
  const result = readResult(value["result"]);
  return result === null ? null : { customId: value["custom_id"], result };
}

function readResult(result: Readonly<Record<string, unknown>>): LineResult | null {
  switch (result["type"]) {
    case "succeeded":
      return isRecord(result["message"]) ? { type: "succeeded", message: result["message"] } : null;
    case "errored":
      return readErrored(result["error"]);
    case "canceled":
    case "expired":
      return { type: result["type"] };
    default:
      return null;
  }
}

/** The cause stands two levels down: `result.error.error.type`. */
function readErrored(outer: unknown): LineResult {
  const envelope = isRecord(outer) ? outer : {};
  const inner = isRecord(envelope["error"]) ? envelope["error"] : envelope;
  const { type, message } = inner;
  const errorType = typeof type === "string" ? type : null;
  const requestId = typeof envelope["request_id"] === "string" ? envelope["request_id"] : null;
  const outcome = outcomeOfLine(errorType ?? "", typeof message === "string" ? message : "");
  return { type: "errored", outcome, errorType, requestId };
}

/** What the provider says when a file behind a URL could not be fetched: invalid by its type, transient by its nature. */
const unfetchedFile = "Unable to download the file";
const outcomesByType: Readonly<Record<string, AttemptOutcome>> = {
  invalid_request_error: "invalid_request",
  not_found_error: "not_found",
  request_too_large: "too_large",
  authentication_error: "credential_refused",
  permission_error: "model_refused",
  billing_error: "out_of_credit",
  rate_limit_error: "rate_limited",
  overloaded_error: "overloaded",
};

/** Types that are not named, `api_error` and `timeout_error` among them, are the provider's own trouble. */
function outcomeOfLine(errorType: string, message: string): AttemptOutcome {
  if (errorType === "invalid_request_error" && message.startsWith(unfetchedFile)) return "provider_error";
  if (errorType === "api_error" && message === "Overloaded") return "overloaded";
  return outcomesByType[errorType] ?? "provider_error";
}

/** What becomes of a job whose line brought no answer. */
export type LineStep =
  | { readonly state: FinalState; readonly failureCode?: string; readonly failureFault?: Fault }
  | {
      readonly state: "queued";
      readonly retryReason: RetryReason;
      readonly countsTry: boolean;
      readonly notBefore: Date;
      readonly waitReason: WaitReason;
    };

export interface LineTerms {
  readonly tries: number;
  readonly triesMax: number;
  readonly retry: RetryTimes;
  readonly now: Date;
  /** A draw from [0, 1). */
  readonly random: number;
  /** The cancel was asked for because nobody wants the line any more. */
  readonly unwanted: boolean;
}

/** A batch whose lines are still wanted is canceled by a stop. */
const waitReasons: Partial<Record<AttemptOutcome, WaitReason>> = {
  canceled: "stop",
  model_refused: "credential",
};

/** Decides about a line without an answer. It cost nothing, whatever the reason. */
export function stepAfterLine(outcome: AttemptOutcome, terms: LineTerms): LineStep {
  const rule = outcomeRules[outcome];
  if (rule.next === "final")
    return { state: rule.state ?? "failed", failureCode: outcome, failureFault: rule.fault ?? "provider" };
  if (outcome === "canceled" && terms.unwanted) return { state: "canceled" };
  // A refused model waits for its permission and does not use up its tries: what is tried meanwhile is one line now and then.
  const countsTry = outcome !== "canceled" && outcome !== "model_refused";
  if (countsTry && terms.tries + 1 >= terms.triesMax)
    return { state: "failed", failureCode: outcome, failureFault: rule.fault ?? "provider" };
  const delayMs = countsTry ? retryDelayMs(terms.retry, terms.tries + 1, terms.random) : 0;
  return {
    state: "queued",
    retryReason: outcome,
    countsTry,
    notBefore: new Date(terms.now.getTime() + delayMs),
    waitReason: waitReasons[outcome] ?? "batch",
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
