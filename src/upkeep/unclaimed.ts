// Realtime jobs that were dispatched and that no worker claimed before their lease ended: the queue lost the entry, or the gate
// was closed all the time. They go back and are dispatched again under a new number, so the old entry, should it turn up, finds
// nothing to do. This is what makes the queue disposable.
import { limits } from "../config/limits.ts";
import type { Log } from "../observe/log.ts";
import type { Database } from "../postgres/pool.ts";
import { requeueUnclaimed } from "../postgres/upkeep.ts";
import { inChunks, type Sweep } from "./sweep.ts";

export function createUnclaimedSweep(deps: { database: Database; log: Log }): Sweep {
  return {
    name: "unclaimed",
    everyMs: limits.sweepEveryMs,
    async runOnce() {
      const moved = await inChunks(() => requeueUnclaimed(deps.database), limits.sweepRowsMax);
      if (moved > 0) deps.log.event("sweep.moved", { sweep: "unclaimed", jobs: moved });
      return moved;
    },
  };
}
