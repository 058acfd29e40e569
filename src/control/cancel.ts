// Canceling a job or a bulk on request. What waits never starts; a realtime call under way is told to stop, and its attempt is
// recorded as it ends; lines in a message batch lose their use at once, and the batch itself is canceled when none is left.
import { ServiceError } from "../domain/errors.ts";
import type { JobState } from "../domain/job.ts";
import type { Log } from "../observe/log.ts";
import {
  cancelJobRow,
  cancelOpenJobs,
  markBulkCanceled,
  type CanceledJobs,
  type CancelRequest,
} from "../postgres/cancel.ts";
import type { Database } from "../postgres/pool.ts";

interface CancelDeps {
  readonly database: Database;
  readonly log: Log;
}

/**
 * Cancels one job. Answers the state it was in.
 * @throws ServiceError not_found | job_finished
 */
export async function cancelJob(deps: CancelDeps, request: CancelRequest): Promise<{ priorState: JobState }> {
  const answer = await cancelJobRow(deps.database, request);
  if (answer === undefined) throw new ServiceError("not_found");
  // Canceling twice is no mistake: the job is what the caller wanted it to be.
  if (!answer.canceled && answer.priorState !== "canceled") throw new ServiceError("job_finished");
  if (answer.canceled)
    deps.log.event("job.canceled", { job: request.id, bulk: answer.bulkId, from: answer.priorState });
  return { priorState: answer.priorState };
}

/**
 * Cancels every open job of a bulk; jobs that have their outcome keep it.
 * @throws ServiceError not_found | bulk_finished
 */
export async function cancelBulk(deps: CancelDeps, request: CancelRequest): Promise<CanceledJobs> {
  const bulk = await markBulkCanceled(deps.database, request);
  if (bulk === undefined) throw new ServiceError("not_found");
  if (bulk.finished) throw new ServiceError("bulk_finished");
  const answer = await cancelOpenJobs(deps.database, request.id);
  deps.log.event("bulk.canceled", {
    bulk: request.id,
    jobs: answer.canceled,
    running: answer.running,
    batches: answer.messageBatchesCanceled,
  });
  return answer;
}
