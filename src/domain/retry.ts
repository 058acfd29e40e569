// When the next try may start. One retry layer for the whole product: the SDK's own is off.
//
// Full jitter: the wait is drawn evenly from zero to the exponential bound, so that a thousand calls refused at the same
// moment do not come back at the same moment. A `retry-after` of the provider is a floor, spread upwards by the same draw;
// above its cap it is cut, because the SDK's habit of sleeping for hours inside a call is a way to lose a worker.

import type { AttemptOutcome } from "./attempt.ts";
import { batchRefused, mixedRefused } from "./pack.ts";
import { cutByCap } from "./right-size.ts";

/** Why a job comes again where the outcome of its attempt does not say it. */
export const stepReasons = [
  "stop",
  "pause",
  "no_permission",
  "drain",
  "claim_unanswered",
  "rows_unavailable",
  "lines_changed",
  "credential",
  mixedRefused,
  batchRefused,
  "request_changed",
  "results_lost",
  cutByCap,
  "pause_turn",
] as const;
export type StepReason = (typeof stepReasons)[number];

/** Why a job comes again. Whether it is a repetition then, domain/breaker.ts says of each. */
export type RetryReason = AttemptOutcome | StepReason;

export interface RetryTimes {
  baseMs: number;
  capMs: number;
  retryAfterMaxMs: number;
}

/**
 * Milliseconds to wait before try number `tryNo` + 1 (the first failure is try 1).
 * `random` is a draw from [0, 1); `retryAfterMs` what the provider asked for, if it did.
 */
export function retryDelayMs(
  times: RetryTimes,
  tryNo: number,
  random: number,
  retryAfterMs?: number,
): number {
  const boundMs = Math.min(times.capMs, times.baseMs * 2 ** Math.min(tryNo - 1, 30));
  const jitterMs = Math.floor(random * boundMs);
  if (retryAfterMs === undefined) return jitterMs;
  return Math.min(retryAfterMs, times.retryAfterMaxMs) + jitterMs;
}

/** Reads a `retry-after` header: seconds or an HTTP date. Undefined when absent, unreadable or negative. Answer in ms. */
export function parseRetryAfter(value: string | null | undefined, nowMs: number): number | undefined {
  if (value === null || value === undefined || value === "") return undefined;
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return seconds >= 0 ? Math.ceil(seconds * 1000) : undefined;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}
