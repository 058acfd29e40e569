// Forgets what only had to be remembered for a while: idempotency records, unused quotes, the rows of processes that ended long ago.
import { limits } from "../config/limits.ts";
import type { Clock } from "../domain/clock.ts";
import type { Log } from "../observe/log.ts";
import type { Database } from "../postgres/pool.ts";
import { tidyProcesses } from "../postgres/processes.ts";
import { pruneIdempotency } from "../postgres/upkeep.ts";
import { pruneQuotes } from "../postgres/quotes.ts";
import { inChunks, type Sweep } from "./sweep.ts";

export function createPruner(deps: { database: Database; log: Log; clock: Clock }): Sweep {
  return {
    name: "pruner",
    everyMs: limits.pruneEveryMs,
    async runOnce() {
      const keys = await inChunks(() => pruneIdempotency(deps.database), limits.sweepRowsMax);
      const quotes = await inChunks(
        () => pruneQuotes(deps.database, deps.clock.now(), limits.sweepRowsMax),
        limits.sweepRowsMax,
      );
      const processes = await tidyProcesses(deps.database, limits.processRowKeptMs);
      const moved = keys + quotes + processes;
      if (moved > 0) deps.log.event("sweep.moved", { sweep: "pruner", keys, quotes, processes });
      return moved;
    },
  };
}
