// Folds the counts, and finishes bulks. The finish time of a bulk is a consequence of the counts and never a cause of anything:
// a job has its outcome whether or not its bulk says finished yet.
import { limits } from "../config/limits.ts";
import type { Log } from "../observe/log.ts";
import type { Database } from "../postgres/pool.ts";
import { finishBulks, foldTallies } from "../postgres/tallies.ts";
import { inChunks, type Sweep } from "./sweep.ts";

export function createTallyFold(deps: { database: Database; log: Log }): Sweep {
  let rounds = 0;
  return {
    name: "tally-fold",
    everyMs: limits.foldEveryMs,
    async runOnce() {
      const touched = new Set<string>();
      const taken = await inChunks(async () => {
        const fold = await foldTallies(deps.database);
        for (const id of fold.bulkIds) touched.add(id);
        return fold.taken;
      }, limits.foldRowsMax);
      // Once in a while every unfinished bulk is asked: one may have had its last fold by a process that died before this line.
      const lookAtAll = rounds % limits.foldsPerFullLook === 0;
      rounds += 1;
      const finished = await finishBulks(deps.database, lookAtAll ? null : [...touched]);
      for (const id of finished) deps.log.event("bulk.finished", { bulk: id });
      return taken;
    },
  };
}
