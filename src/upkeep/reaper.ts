// Finds processes that stopped showing themselves and settles what they left: every open realtime call is booked at its worst
// case, because nobody knows whether the provider has computed it, and only then is its job tried again. The booking is the
// ordinary end of an attempt; should the lost process come back with the real answer, that becomes a correction.
//
// Any number of reapers may run: a process is declared dead once, and an attempt ends once.
import { limits } from "../config/limits.ts";
import type { Log } from "../observe/log.ts";
import { reach } from "../observe/points.ts";
import type { Pool } from "../postgres/pool.ts";
import { reapProcesses } from "../postgres/processes.ts";
import { recordAttempts, type AttemptRecord } from "../postgres/record.ts";
import { announceWork, findOrphans, type Orphan } from "../postgres/upkeep.ts";
import { inChunks, type Sweep } from "./sweep.ts";

export function createReaper(deps: { pool: Pool; log: Log }): Sweep {
  const { pool, log } = deps;
  const bookOrphans = async (): Promise<number> => {
    const orphans = await findOrphans(pool);
    if (orphans.length === 0) return 0;
    const recorded = await recordAttempts(pool, orphans.map(presumed));
    reach("reaper.booked");
    const requeued: string[] = [];
    for (const [at, orphan] of orphans.entries()) {
      const answer = recorded[at];
      if (answer?.brokenCap) log.event("job.capped", { job: orphan.job_id, cap: answer.brokenCap });
      if (answer?.recorded === "now") log.event("attempt.presumed", presumedFields(orphan));
      if (answer?.jobMoved === true) requeued.push(orphan.queue_id);
    }
    await announceWork(pool, requeued);
    return orphans.length;
  };
  return {
    name: "reaper",
    everyMs: limits.sweepEveryMs,
    async runOnce() {
      const reaped = await reapProcesses(pool, limits.sweepRowsMax);
      if (reaped.length > 0) reach("reaper.declared");
      for (const id of reaped) log.event("process.reaped", { process: id });
      // Also those of processes that were reaped or ended before: an earlier reaper may have died here.
      return inChunks(bookOrphans, limits.reapRowsMax);
    },
  };
}

const presumedFields = (orphan: Orphan) => ({
  job: orphan.job_id,
  attempt: orphan.no,
  process: orphan.process_id,
  cost_nano: orphan.worst_nano,
});

function presumed(orphan: Orphan): AttemptRecord {
  const isLast = orphan.attempts_counted + 1 >= orphan.attempts_max;
  return {
    jobId: orphan.job_id,
    attemptNo: orphan.no,
    attempt: {
      state: "presumed",
      outcome: "lost_worker",
      costNano: orphan.worst_nano,
      realtimeNano: orphan.worst_nano,
    },
    next: isLast
      ? { state: "failed", failureCode: "attempts_exhausted", failureFault: "sluice" }
      : { state: "queued", retryReason: "lost_worker", countsTry: true },
  };
}
