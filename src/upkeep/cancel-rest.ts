// Goes on with cancellations whose process died between two chunks.
import { limits } from "../config/limits.ts";
import type { Log } from "../observe/log.ts";
import { cancelOpenJobs, unfinishedCancels } from "../postgres/cancel.ts";
import type { Database } from "../postgres/pool.ts";
import type { Sweep } from "./sweep.ts";

export function createCancelRest(deps: { database: Database; log: Log }): Sweep {
  return {
    name: "cancel-rest",
    everyMs: limits.sweepEveryMs,
    async runOnce() {
      let moved = 0;
      for (const bulkId of await unfinishedCancels(deps.database, limits.cancelGraceMs)) {
        // oxlint-disable-next-line no-await-in-loop -- short locks one after the other are the point
        const { canceled } = await cancelOpenJobs(deps.database, bulkId);
        if (canceled > 0)
          deps.log.event("sweep.moved", { sweep: "cancel-rest", bulk: bulkId, jobs: canceled });
        moved += canceled;
      }
      return moved;
    },
  };
}
