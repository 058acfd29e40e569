// The runaway breaker: when is spend, failure or repetition so far from what a queue or a tenant usually does that a person should
// look before more of it starts? It is the second net: the ceiling bounds the loss, the breaker makes it smaller.
//
// Of the last seven days only hours with spend make the median. With empty hours a nightly run would have a median of zero and trip
// every night; without them it is compared with other nights. The price is that a scope which has hardly ever spent anything has
// nothing to be compared with: below a few hours of history the rule says nothing, and the configured rate, the shares and the
// budget stand alone. Of an even number of hours the lower middle one counts, which is the stricter.
//
// Shares are of paid attempts. What the provider refuses without a bill costs nothing, and the pace and the credential's stop deal
// with it.
import { attemptOutcomes, outcomeRules } from "./attempt.ts";
import type { AttemptOutcome } from "./attempt.ts";
import { formatUsd } from "./money.ts";
import { stepReasons } from "./retry.ts";
import type { RetryReason, StepReason } from "./retry.ts";

/** Scopes it watches, the narrow one first: a tenant is not paused for what one of its queues has been paused for. */
export const breakerScopes = ["queue", "tenant"] as const;
export type BreakerScope = (typeof breakerScopes)[number];

/** Actors whose pauses are lifted by a person and by nobody else: what a program has stopped, a program must not restart. */
export const guardActors: readonly string[] = ["breaker", "overrun"];

/** A paid attempt that ended otherwise counts as failed. A refusal is an answer: what to do with it is the job type's affair. */
export const goodOutcomes: readonly AttemptOutcome[] = ["succeeded", "refused", "paused"];

const isRepetition: Record<StepReason, boolean> = {
  stop: false,
  pause: false,
  no_permission: false,
  drain: false,
  claim_unanswered: false,
  rows_unavailable: false,
  lines_changed: false,
  credential: false,
  mixed_refused: false,
  batch_refused: false,
  request_changed: false,
  results_lost: true,
  // Paid for, and looked after by right-sizing and by the caps on continuations.
  cut_by_cap: false,
  pause_turn: false,
};

/**
 * An attempt that comes again for one of these repeats nothing: what was held back, by the provider, by us or by a person, cost
 * nothing the first time. What a stop aborted may have, but a person did that.
 */
export const heldBackReasons: readonly RetryReason[] = [
  ...attemptOutcomes.filter((outcome) => outcomeRules[outcome].bill === "none" || outcome === "aborted"),
  ...stepReasons.filter((reason) => !isRepetition[reason]),
];

export interface BreakerRules {
  /** Times the median; 0 switches the rule off. */
  readonly factor: number;
  /** Below this in an hour the median says nothing. */
  readonly floorNano: bigint;
  /** More than this in an hour trips whatever is usual; null: no such rate. */
  readonly hourlyNano: bigint | null;
  /** Percent of paid attempts; 0 switches the rule off. */
  readonly failurePct: number;
  readonly retryPct: number;
  /** Fewer attempts than this are no sample. */
  readonly attemptsMin: number;
  /** Hours with spend that make a history. */
  readonly historyHoursMin: number;
}

/** The least spend of an hour that any rule could object to; null: none looks at spend. */
export function spendWorthALook({ factor, floorNano, hourlyNano }: BreakerRules): bigint | null {
  if (factor === 0) return hourlyNano;
  return hourlyNano === null || floorNano < hourlyNano ? floorNano : hourlyNano;
}

/** Why spend of `recentNano` in the last hour trips the breaker, in figures; undefined if it does not. `hoursNano`: see the top. */
export function spendTrips(
  rules: BreakerRules,
  recentNano: bigint,
  hoursNano: readonly bigint[],
): string | undefined {
  const spent = `$${formatUsd(recentNano)} in the last hour`;
  const { factor, floorNano, hourlyNano, historyHoursMin } = rules;
  if (hourlyNano !== null && recentNano > hourlyNano)
    return `${spent}, above the configured $${formatUsd(hourlyNano)} an hour`;
  if (factor === 0 || recentNano <= floorNano || hoursNano.length < historyHoursMin) return undefined;
  const usual = medianNano(hoursNano);
  if (recentNano <= BigInt(factor) * usual) return undefined;
  return `${spent}, above ${factor} times the median hour of the last 7 days ($${formatUsd(usual)}, ${hoursNano.length} hours with spend)`;
}

export interface AttemptCounts {
  readonly attempts: number;
  readonly failed: number;
  readonly retried: number;
}

/** Why the ends of the last attempts trip the breaker; undefined if they do not. */
export function attemptsTrip(rules: BreakerRules, counts: AttemptCounts): string | undefined {
  const { attempts, failed, retried } = counts;
  if (attempts === 0 || attempts < rules.attemptsMin) return undefined;
  const above = (count: number, percent: number): boolean => percent > 0 && count * 100 > attempts * percent;
  if (above(failed, rules.failurePct))
    return `${failed} of the last ${attempts} paid attempts failed, above ${rules.failurePct} %`;
  if (above(retried, rules.retryPct))
    return `${retried} of the last ${attempts} paid attempts were repetitions, above ${rules.retryPct} %`;
  return undefined;
}

/** The middle one, of an even number the lower; 0 of none. */
function medianNano(values: readonly bigint[]): bigint {
  const sorted = values.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0n;
}
