// Which lane a job takes. `now` runs at once, `whenever` goes where it is cheapest, a deadline decides by how far away it is.
// The rule is a first form: a fixed distance instead of learned completion times. Whoever refines it keeps the signature.

import type { Lane } from "./job.ts";
import type { Urgency } from "./job-type.ts";

export interface LaneQuestion {
  readonly urgency: Urgency;
  /** Takes precedence over urgency. */
  readonly deadlineAt: Date | null;
  readonly now: Date;
  /** A deadline nearer than this is not left to a message batch, in milliseconds. */
  readonly batchDeadlineMinMs: number;
  /** Whether a message batch may carry the request: the model can, and nothing in the request forbids it. */
  readonly batchable: boolean;
}

/** The lane of a job, from what is known when it is submitted. */
export function chooseLane(job: LaneQuestion): Lane {
  if (!job.batchable) return "realtime";
  if (job.deadlineAt === null) return job.urgency === "now" ? "realtime" : "batch";
  return job.deadlineAt.getTime() - job.now.getTime() >= job.batchDeadlineMinMs ? "batch" : "realtime";
}

/**
 * Whether a realtime job may be moved to the batch lane where a ceiling says so. A job that chose when it runs (its own line did, or
 * it was submitted by itself) stays; so does what no message batch may carry.
 */
export const mayWait = (job: { lane: Lane; batchable: boolean; choseItself: boolean }): boolean =>
  job.lane === "realtime" && job.batchable && !job.choseItself;
