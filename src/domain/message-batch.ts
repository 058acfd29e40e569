// The states of a message batch, and the rules by which doubt about one is resolved.
//
//   intent ─▶ creating ─▶ created ─▶ ended ─▶ ingested
//     │ ▲        │  │        ▲ │
//     │ └────────┘  └▶ doubtful  └──▶ doubtful   (adopted, and its results are somebody else's)
//     │                │    │
//     └▶ refused       │    └▶ void ─▶ created   (found after all: canceled and harvested)
//                      └▶ created (adopted) | intent (its creator knows that it never left)
//
//   intent    lines chosen and money held; nothing was sent, so anybody may go on with it or dissolve it (refused)
//   creating  the request may be under way, under the lease of one process; only that process may say it never left
//   created   the provider's id is known
//   ended     the provider has finished; results are there to be fetched
//   ingested  every line has its end, all counted against the provider's counts, or their results can never be fetched (results_lost)
//   doubtful  nobody knows whether the provider has it; the money stays held and the lines stay out of other batches
//   refused   nothing of it was accepted; its lines went back
//   void      proved absent by listings; its lines went back, its money stays held until no bill can come any more
//
// A message batch is never sent again under the same id once it has been in doubt. A second creation is the way to pay twice,
// and the provider has no idempotency key to prevent it.

import { outcomeRules } from "./attempt.ts";
import type { AttemptOutcome } from "./attempt.ts";

export type MessageBatchState =
  | "intent"
  | "creating"
  | "created"
  | "ended"
  | "ingested"
  | "doubtful"
  | "refused"
  | "void";

const moves: Record<MessageBatchState, readonly MessageBatchState[]> = {
  intent: ["creating", "refused"],
  creating: ["intent", "created", "doubtful"],
  created: ["ended", "doubtful", "void", "ingested"],
  ended: ["ingested", "doubtful", "void"],
  doubtful: ["created", "intent", "void"],
  void: ["created"],
  ingested: [],
  refused: [],
};

/** Whether a message batch may go from one state to another; every statement that moves one is guarded by the state before. */
export function mayMoveBatch(from: MessageBatchState, to: MessageBatchState): boolean {
  return moves[from].includes(to);
}

/** What an error answer to a create means for the batch. */
export type CreateRefusal =
  /** Not accepted for a reason that passes: the same intent is sent again later. */
  | "later"
  /** Not accepted because of the key, its models, the credit or a spend limit: the lines wait. */
  | "credential"
  /** Not accepted because of what it contains: the lines go back into smaller packs. */
  | "refused"
  /** An answer that proves nothing: the batch may exist all the same. */
  | "unknown";

const passing = new Set([404, 405, 429, 529]);

/**
 * Reads the error answer of a create. 429 and 529 are refused at the door; a gateway's 5xx, 408 and 409 may come from a request
 * that was worked on behind it, so they prove nothing. 404 and 405 are a wrong address, which no line is to blame for.
 */
export function refusalOf(status: number, outcome: AttemptOutcome): CreateRefusal {
  if (outcomeRules[outcome].waitReason === "credential") return "credential";
  if (passing.has(status)) return "later";
  return status >= 400 && status < 500 && status !== 408 && status !== 409 ? "refused" : "unknown";
}

/** What the provider says of one of its batches. Counts are advisory until it has ended. */
export interface ProviderBatch {
  readonly id: string;
  readonly status: "in_progress" | "canceling" | "ended";
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly counts: BatchCounts;
  /** Its results are gone for good. */
  readonly archived: boolean;
}

export interface BatchCounts {
  readonly processing: number;
  readonly succeeded: number;
  readonly errored: number;
  readonly canceled: number;
  readonly expired: number;
}

/** Lines of a batch as the provider counts them; the sum is exact at every moment. */
export const linesOf = ({ processing, succeeded, errored, canceled, expired }: BatchCounts): number =>
  processing + succeeded + errored + canceled + expired;

/** What is searched for: when the create began, when it can no longer come about, and how many lines it had. */
export interface SoughtBatch {
  readonly lineCount: number;
  readonly createStartedAt: Date;
  /** The latest instant at which the provider can have accepted it, visibility included. */
  readonly until: Date;
}

/**
 * The batches of a listing that may be the one that is sought, oldest first: right count, right time, claimed by nobody.
 * `skewMs` is how far the provider's clock may be from ours.
 */
export function candidatesOf(
  listed: readonly ProviderBatch[],
  sought: SoughtBatch,
  known: { claimed: ReadonlySet<string>; skewMs: number },
): ProviderBatch[] {
  const fromMs = sought.createStartedAt.getTime() - known.skewMs;
  const untilMs = sought.until.getTime() + known.skewMs;
  return listed
    .filter((batch) => linesOf(batch.counts) === sought.lineCount && !known.claimed.has(batch.id))
    .filter(({ createdAt }) => createdAt.getTime() >= fromMs && createdAt.getTime() <= untilMs)
    .toSorted((a, b) => a.createdAt.getTime() - b.createdAt.getTime());
}

/** When a doubtful batch without candidates may be given up; see {@link verdictOnAbsence}. */
export interface AbsenceTerms {
  /** The creator can no longer send since then. */
  readonly creatorEndedAt: Date;
  readonly createVisibilityMs: number;
  readonly listingGapMs: number;
  readonly clearListings: number;
  readonly lastClearListingAt: Date | null;
  /** Complete listings needed. */
  readonly listingsMin: number;
}

export type AbsenceVerdict =
  /** Too early for a listing to prove anything. */
  | { kind: "wait"; until: Date }
  /** This listing counts; another is needed at that time. */
  | { kind: "count"; again: Date }
  | { kind: "void" };

/** What a complete listing without a candidate, begun at `listedAt`, proves about a doubtful batch. */
export function verdictOnAbsence(listedAt: Date, terms: AbsenceTerms): AbsenceVerdict {
  const visibleFrom = new Date(terms.creatorEndedAt.getTime() + terms.createVisibilityMs);
  if (listedAt < visibleFrom) return { kind: "wait", until: visibleFrom };
  const gapEndsMs = (terms.lastClearListingAt?.getTime() ?? -Infinity) + terms.listingGapMs;
  if (listedAt.getTime() < gapEndsMs) return { kind: "wait", until: new Date(gapEndsMs) };
  if (terms.clearListings + 1 >= terms.listingsMin) return { kind: "void" };
  return { kind: "count", again: new Date(listedAt.getTime() + terms.listingGapMs) };
}

/** A tenth of its age: a batch of seconds is asked about often, one of hours rarely. */
const pollShareOfAge = 10;

/** Milliseconds until the next poll of a batch of that age; a `retry-after` of the provider is followed up to the longest wait. */
export function pollDelayMs(
  ageMs: number,
  times: { pollMinMs: number; pollMaxMs: number },
  retryAfterMs = 0,
): number {
  const wantedMs = Math.max(times.pollMinMs, ageMs / pollShareOfAge, retryAfterMs);
  return Math.ceil(Math.min(wantedMs, times.pollMaxMs));
}
