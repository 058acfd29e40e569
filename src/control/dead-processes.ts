// Who confirms a death that the database cannot see.
//
// A killed process loses its session with the database at once, and that is the ordinary proof. It fails where the sessions of all ended
// with PostgreSQL itself: then one that died and one that is frozen in the middle of a start look alike, and a stop has to wait. But a
// process on the same machine can ask its kernel, and after a restart of the machine nothing of before lives. What nobody can see (another
// machine, a container that is gone) a person has to say: SELECT sluice_confirm_dead('id', 'why').
import { isSeenDead } from "../config/data-dir/process-identity.ts";
import { limits } from "../config/limits.ts";
import type { Log } from "../observe/log.ts";
import type { Database } from "../postgres/pool.ts";
import { confirmProcessDead, readSuspects } from "../postgres/processes.ts";

/** Looks at every process of which it is not known whether it is dead, and writes down those that can be seen to be. */
export async function confirmDead({ database, log }: { database: Database; log: Log }): Promise<void> {
  // oxlint-disable no-await-in-loop -- mostly none at all
  for (const { id, identity } of await readSuspects(database, limits.sweepRowsMax))
    if ((await isSeenDead(identity)) && (await confirmProcessDead(database, id)))
      log.event("process.confirmed_dead", { process: id });
  // oxlint-enable no-await-in-loop
}
