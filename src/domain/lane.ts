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

export interface WaitQuestion {
  readonly lane: Lane;
  readonly batchable: boolean;
  readonly deadlineAt: Date | null;
  /** Its own line said when it runs, or it was submitted by itself. */
  readonly choseItself: boolean;
}

/**
 * Whether a realtime job may be moved to the batch lane where a ceiling says so. One that chose when it runs stays, and so does one with
 * a deadline that put it into this lane, and what no message batch may carry.
 */
export const mayWait = (job: WaitQuestion): boolean =>
  job.lane === "realtime" && job.batchable && job.deadlineAt === null && !job.choseItself;
