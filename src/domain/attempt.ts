// One try of a job at the provider, and what its end means: for the job, for its money, for the next try.
//
// The outcome of an attempt is a closed union. `classify` turns what came back from a call into one of its members; `decide`
// turns the member into what happens next. Both are pure, so every row of the provider's error table is a unit test.

import type { FinalState, Fault, WaitReason } from "./job.ts";

export const attemptOutcomes = [
  "succeeded",
  "refused",
  "truncated",
  "invalid_output",
  "paused",
  "invalid_request",
  "not_found",
  "too_large",
  "rate_limited",
  "overloaded",
  "provider_error",
  "credential_refused",
  "model_refused",
  "out_of_credit",
  "spend_limit",
  "not_sent",
  "unknown_end",
  "timed_out",
  "aborted",
  "lost_worker",
  "expired",
  "canceled",
] as const;
/** How an attempt ended. The five first are answers of the model; the rest say why there is none. */
export type AttemptOutcome = (typeof attemptOutcomes)[number];

/**
 * What is known about the bill of an attempt that brought no usage:
 * `none` the provider answered with an error or was never reached (errors are not billed),
 * `worst` nobody knows whether it was computed, so it is booked at its worst case before anything is tried again.
 */
export type Bill = "usage" | "none" | "worst";

export interface OutcomeRule {
  bill: Bill;
  /** What follows. final: the job ends so. retry: a bounded number of tries. wait: as long as it takes, the job waits and never fails. */
  next: "final" | "retry" | "wait";
  state?: FinalState;
  fault?: Fault;
  waitReason?: WaitReason;
  /** The credential is stopped with an alert: no further call would do better. */
  stopsCredential?: boolean;
}

/** The table of anthropic-api: status and type to what it means. Source: the provider's error page and section 3 of the API facts. */
export const outcomeRules: Record<AttemptOutcome, OutcomeRule> = {
  succeeded: { bill: "usage", next: "final", state: "succeeded" },
  refused: { bill: "usage", next: "final", state: "refused" },
  truncated: { bill: "usage", next: "final", state: "truncated" },
  invalid_output: { bill: "usage", next: "final", state: "invalid_output" },
  // The job goes on with the turn sent back, or ends with what it has where a cap does not allow that.
  paused: { bill: "usage", next: "wait", state: "truncated", waitReason: "schedule" },
  invalid_request: { bill: "none", next: "final", state: "failed", fault: "caller" },
  not_found: { bill: "none", next: "final", state: "failed", fault: "policy" },
  too_large: { bill: "none", next: "final", state: "failed", fault: "caller" },
  rate_limited: { bill: "none", next: "wait", waitReason: "rate" },
  overloaded: { bill: "none", next: "wait", waitReason: "breaker" },
  provider_error: { bill: "none", next: "retry", fault: "provider" },
  credential_refused: { bill: "none", next: "wait", waitReason: "credential", stopsCredential: true },
  model_refused: { bill: "none", next: "wait", waitReason: "credential" },
  out_of_credit: { bill: "none", next: "wait", waitReason: "credential", stopsCredential: true },
  spend_limit: { bill: "none", next: "wait", waitReason: "credential", stopsCredential: true },
  not_sent: { bill: "none", next: "wait", waitReason: "breaker" },
  unknown_end: { bill: "worst", next: "retry", fault: "provider" },
  timed_out: { bill: "worst", next: "retry", fault: "provider" },
  aborted: { bill: "worst", next: "wait", waitReason: "stop" },
  lost_worker: { bill: "worst", next: "retry", fault: "sluice" },
  expired: { bill: "none", next: "retry", fault: "provider" },
  canceled: { bill: "none", next: "wait", waitReason: "stop" },
};

/** An error answer of the provider, as far as the rules need it. */
export interface ProviderError {
  status: number;
  /** `error.type` of the body, absent for answers of the edge that are not JSON. */
  type?: string;
  /** `error.details.error_code`, absent for most. */
  code?: string;
  /** Only compared with two documented beginnings, never stored. */
  message?: string;
}

const moneyTexts = [
  "You have reached your specified API usage limits",
  "You have reached your specified workspace API usage limits",
  "Your credit balance is too low",
];
const spendCodes = new Set(["enforced_spend_limit_reached", "contract_spend_limit_reached"]);
const accountCodes = new Set(["organization_on_hold", "cmek_key_disabled", "cmek_key_blocked"]);

const outcomeByStatus: ReadonlyMap<number, AttemptOutcome> = new Map([
  [400, "invalid_request"],
  [401, "credential_refused"],
  [402, "out_of_credit"],
  // Unless a code above says that it is the account: see domain/refused-models.ts.
  [403, "model_refused"],
  [404, "not_found"],
  [408, "provider_error"],
  [409, "provider_error"],
  [413, "too_large"],
  [429, "rate_limited"],
  [529, "overloaded"],
]);

const gatewayTimeouts = new Set([408, 504, 520, 524]);
const badGateway = 502;

/** Classifies an HTTP error answer. Unknown 4xx are the caller's; unknown 5xx, and 3xx, which nobody follows, the provider's. */
export function classifyError(error: ProviderError): AttemptOutcome {
  const { status, code, message = "" } = error;
  if (code !== undefined && spendCodes.has(code)) return "spend_limit";
  if (code !== undefined && accountCodes.has(code)) return "credential_refused";
  if (status === 400 && moneyTexts.some((text) => message.startsWith(text))) return "out_of_credit";
  if (error.type === "overloaded_error") return "overloaded";
  return outcomeOfStatus(status, error.type);
}

function outcomeOfStatus(status: number, type: string | undefined): AttemptOutcome {
  // A page of something between us and the provider knows nothing of models.
  if (type === undefined && status === 403) return "credential_refused";
  // What something between us and the provider says proves nothing: the call may be computed behind it. A time limit of the
  // provider's own has a type; a bad gateway is never the provider itself, whatever its body says.
  if (status === badGateway) return "unknown_end";
  if (type === undefined && gatewayTimeouts.has(status)) return "unknown_end";
  return (
    outcomeByStatus.get(status) ?? (status >= 500 || status < 400 ? "provider_error" : "invalid_request")
  );
}
