// Ends what outlived its time: all waiting jobs of a bulk past its maximum age, and waiting jobs past their own deadline where
// the job type says that a late answer is worth nothing. What is under way is left to its end, and looked at again if it comes
// back to the queue.
import { limits } from "../config/limits.ts";
import type { Log } from "../observe/log.ts";
import type { Database } from "../postgres/pool.ts";
import { expireJobs, findDueBulks, scheduleDeadlineSweep } from "../postgres/upkeep.ts";
import { inChunks, type Sweep } from "./sweep.ts";

export function createExpiry(deps: { database: Database; log: Log }): Sweep {
  const { database, log } = deps;
  return {
    name: "expiry",
    everyMs: limits.sweepEveryMs,
    async runOnce() {
      let moved = 0;
      for (const bulk of await findDueBulks(database)) {
        // oxlint-disable-next-line no-await-in-loop -- short locks one after the other are the point
        const expired = await inChunks(() => expireJobs(database, bulk.id, bulk.aged), limits.cancelRowsMax);
        // oxlint-disable-next-line no-await-in-loop
        if (!bulk.aged) await scheduleDeadlineSweep(database, bulk.id);
        if (expired > 0)
          log.event("job.expired", { bulk: bulk.id, jobs: expired, why: bulk.aged ? "age" : "deadline" });
        moved += expired;
      }
      return moved;
    },
  };
}
