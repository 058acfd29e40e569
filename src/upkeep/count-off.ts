// Tells of models whose counts have switched themselves off: the settlement that found a bill above its bound has done so in its own
// transaction, and every hold since is by bytes. Here its log line, alert and audit event follow.
import { limits } from "../config/limits.ts";
import type { Log } from "../observe/log.ts";
import { tellOff } from "../postgres/count-trust.ts";
import type { Pool } from "../postgres/pool.ts";
import type { Sweep } from "./sweep.ts";

export function createCountOff({ pool, log }: { pool: Pool; log: Log }): Sweep {
  return {
    name: "count-off",
    everyMs: limits.sweepEveryMs,
    async runOnce() {
      const told = await tellOff(pool);
      for (const { model, reason } of told) log.event("count.off", { model, reason });
      return told.length;
    },
  };
}
