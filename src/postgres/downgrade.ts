// Moving realtime work to the batch lane where a ceiling binds and says so. Asked by whoever found no room, the dispatcher's look or the
// claim, inside the transaction that has locked the jobs. Only jobs that may wait are moved: the statement guards it again.
import type { Client } from "./pool.ts";
import { query } from "./query.ts";

const downgradeRows = query("claim/downgrade-jobs");

/** Moves them; answers how many were moved. */
export async function downgradeJobs(client: Client, jobIds: readonly string[], at: Date): Promise<number> {
  return jobIds.length === 0 ? 0 : (await downgradeRows(client, [jobIds, at])).rowCount;
}
