// What runs beside the dispatcher in one process at a time: the sweeps that mend what others left, and the follower that keeps
// bulks and pauses visible in the queue backend. Both hold a lease of their own, so any number of processes may stand by. Stops are
// followed by every such process, because none of them may wait for a lease.

import { Follower } from "../control/follower.ts";
import { StopKeeper } from "../control/stop-keeper.ts";
import { createUpkeep } from "../upkeep/upkeep.ts";
import type { Role } from "./role.ts";
import type { Runtime } from "./runtime.ts";

export async function startUpkeepRole(runtime: Runtime): Promise<Role> {
  const { pool, listener, life, flags, backend, jobTypes, clock, log } = runtime;
  const upkeep = createUpkeep({ pool, listener, holder: life.id, clock, log });
  const follower = new Follower({ database: pool, backend, listener, flags, holder: life.id, clock, log });
  const stops = new StopKeeper({ database: pool, flags, jobTypes, log });
  stops.start();
  await upkeep.start();
  await follower.start();
  return {
    stop: async () => {
      await Promise.all([stops.stop(), upkeep.stop(), follower.stop()]);
      return { aborted: 0 };
    },
  };
}
