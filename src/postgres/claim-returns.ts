// Dispatches that come to nothing: jobs put back without an attempt, and attempts that were opened without anybody hearing of it.

import type { Claim } from "./claim.ts";
import type { Pool } from "./pool.ts";
import { query, queryOne } from "./query.ts";

/** See claim/return-jobs. */
export const returnDispatched = query("claim/return-jobs");
const findOpened = queryOne("claim/find-opened");

/** The number of the attempt that this process's claim has opened, if the claim was committed after all. */
export async function findOpenedAttempt(
  pool: Pool,
  { jobId, dispatchNo }: Claim,
  processId: string,
): Promise<number | undefined> {
  return (await findOpened(pool, [jobId, dispatchNo, processId]))?.no;
}

/** Puts dispatched jobs back without an attempt; see claim/return-jobs. */
export async function returnJobs(
  pool: Pool,
  jobs: readonly (Claim & {
    waitReason: "budget" | "pause" | "stop" | "rate" | "credential";
    notBefore: Date | null;
  })[],
): Promise<void> {
  await returnDispatched(pool, [
    jobs.map((job) => job.jobId),
    jobs.map((job) => job.dispatchNo),
    jobs.map((job) => job.waitReason),
    jobs.map((job) => job.notBefore),
  ]);
}
