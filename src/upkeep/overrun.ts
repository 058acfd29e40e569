// A settlement above its hold stops its queue: the bound that the ceiling rests on was wrong there, so nothing more of it starts until
// a person has looked. The overrun itself is booked with its attempt, whatever happens here; its row waits for this sweep, which is
// told with the commit and acts within milliseconds.
import { limits } from "../config/limits.ts";
import type { Log } from "../observe/log.ts";
import { findOverrunQueues, stopForOverruns } from "../postgres/guard-pauses.ts";
import type { Pool } from "../postgres/pool.ts";
import type { Sweep } from "./sweep.ts";

export function createOverrunStop(deps: { pool: Pool; newId: () => string; log: Log }): Sweep {
  const { pool, newId, log } = deps;
  return {
    name: "overrun",
    everyMs: limits.sweepEveryMs,
    async runOnce() {
      let stopped = 0;
      for (const queueId of await findOverrunQueues(pool, limits.sweepRowsMax)) {
        // oxlint-disable-next-line no-await-in-loop -- short locks one after the other are the point
        const flag = await stopForOverruns(pool, { queueId, flagId: newId() });
        if (flag === undefined) continue;
        stopped += 1;
        log.event("pause.set", { flag: flag.id, scope: "queue", target: queueId, actor: "overrun" });
      }
      return stopped;
    },
  };
}
