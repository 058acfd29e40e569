// Reads the ledger for the lengths of answers, type by type, and moves their caps. It is statistics: a late entry that it misses costs
// a sample and nothing else, and the books know nothing of it.
import { limits } from "../config/limits.ts";
import type { Log } from "../observe/log.ts";
import type { Pool } from "../postgres/pool.ts";
import { foldLengths } from "../postgres/right-sizes.ts";
import type { SizedType } from "../postgres/right-sizes.ts";
import type { Sweep } from "./sweep.ts";

interface RightSizingDeps {
  readonly pool: Pool;
  readonly log: Log;
  /** The job types that ask for it. */
  readonly types: readonly SizedType[];
  /** How old the ledger must be to be read; less only where nobody writes it. */
  readonly lagMs?: number;
}

export function createRightSizing({
  pool,
  log,
  types,
  lagMs = limits.spendFoldLagMs,
}: RightSizingDeps): Sweep {
  return {
    name: "right-sizing",
    everyMs: limits.sizeEveryMs,
    async runOnce() {
      let answers = 0;
      for (const type of types) {
        // oxlint-disable-next-line no-await-in-loop -- one type after the other
        answers += await readUp(type);
      }
      return answers;
    },
  };

  /** Hour after hour, until there is nothing more to read. */
  async function readUp(type: SizedType): Promise<number> {
    let answers = 0;
    for (let round = 0; round < limits.sweepRoundsMax; round += 1) {
      // oxlint-disable-next-line no-await-in-loop -- short locks one after the other are the point
      const span = await foldLengths(pool, type, lagMs);
      answers += span.answers;
      for (const { promptVersion, model, reason } of span.off)
        log.event("size.off", { jobType: type.name, promptVersion, model, reason });
      if (!span.isBehind) break;
    }
    return answers;
  }
}
