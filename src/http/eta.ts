// When a bulk will be done, as far as its pace tells.

import type { WaitReason } from "../domain/job.ts";
import type { readPace } from "../postgres/bulks.ts";

export interface Eta {
  readonly finish_at: string;
  readonly jobs_per_s: number;
}

type Pace = Awaited<ReturnType<typeof readPace>>;

/** By the rate of the last outcomes, measured until now: a bulk that has stopped moving gets a later end with every look. */
export function etaOf(
  { since, outcomes }: Pace,
  { done, total }: { done: number; total: number },
  nowMs: number,
): Eta | null {
  if (since === null || outcomes < 2) return null;
  const perMs = outcomes / Math.max(1, nowMs - since.getTime());
  const finishMs = nowMs + (total - done) / perMs;
  if (finishMs > latestEtaMs) return null;
  return {
    finish_at: new Date(finishMs).toISOString(),
    jobs_per_s: Math.round(perMs * 1_000_000) / 1_000,
  };
}

/** Beyond it an estimate says nothing (and ends outside of what RFC 3339 can write). */
const latestEtaMs = Date.UTC(9999, 0, 1);

/** Until somebody acts, or a window ends, the pace so far says nothing of the end. */
const haltingReasons: ReadonlySet<WaitReason> = new Set([
  "stop",
  "pause",
  "approval",
  "budget",
  "credential",
]);

/** No estimate for what waits for one of these. */
export const unlessHalted = (eta: Eta | null, reason: WaitReason | null): Eta | null =>
  reason !== null && haltingReasons.has(reason) ? null : eta;
