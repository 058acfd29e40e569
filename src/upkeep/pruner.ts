// Forgets what only had to be remembered for a while: idempotency records, and the rows of processes that ended long ago.
import { limits } from "../config/limits.ts";
import type { Log } from "../observe/log.ts";
import type { Database } from "../postgres/pool.ts";
import { tidyProcesses } from "../postgres/processes.ts";
import { pruneIdempotency } from "../postgres/upkeep.ts";
import { inChunks, type Sweep } from "./sweep.ts";

export function createPruner(deps: { database: Database; log: Log }): Sweep {
  return {
    name: "pruner",
    everyMs: limits.pruneEveryMs,
    async runOnce() {
      const keys = await inChunks(() => pruneIdempotency(deps.database), limits.sweepRowsMax);
      const processes = await tidyProcesses(deps.database, limits.processRowKeptMs);
      if (keys + processes > 0) deps.log.event("sweep.moved", { sweep: "pruner", keys, processes });
      return keys + processes;
    },
  };
}
