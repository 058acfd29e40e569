// Forgets what only had to be remembered for a while: idempotency records, unused quotes, old alerts, suspected jobs, the rows of processes that ended
// long ago; and ends the budgets that quotes made for bulks which are finished.
import { limits } from "../config/limits.ts";
import type { Clock } from "../domain/clock.ts";
import type { Log } from "../observe/log.ts";
import type { Database } from "../postgres/pool.ts";
import { pruneAlerts } from "../postgres/alerts.ts";
import { endQuotedBudgets } from "../postgres/budgets.ts";
import { pruneSuspects } from "../postgres/credentials.ts";
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
      const alertsBefore = new Date(deps.clock.now().getTime() - limits.alertRowKeptMs);
      const alerts = await inChunks(
        () => pruneAlerts(deps.database, alertsBefore, limits.sweepRowsMax),
        limits.sweepRowsMax,
      );
      const suspects = await inChunks(
        () => pruneSuspects(deps.database, alertsBefore, limits.sweepRowsMax),
        limits.sweepRowsMax,
      );
      const budgets = await inChunks(() => endQuoted(deps), limits.sweepRowsMax);
      const processes = await tidyProcesses(deps.database, limits.processRowKeptMs);
      const moved = keys + quotes + alerts + suspects + budgets + processes;
      if (moved > 0)
        deps.log.event("sweep.moved", {
          sweep: "pruner",
          keys,
          quotes,
          alerts,
          suspects,
          budgets,
          processes,
        });
      return moved;
    },
  };
}

async function endQuoted({ database, log }: { database: Database; log: Log }): Promise<number> {
  const ended = await endQuotedBudgets(database, limits.sweepRowsMax);
  for (const budget of ended) log.event("budget.ended", { budget });
  return ended.length;
}
