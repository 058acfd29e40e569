// Where a submission goes: which queue the caller means by a name, and which job type is to run it.
import { nearestName } from "../config/config.ts";
import type { CompiledJobType } from "../domain/compile-job-type.ts";
import { ServiceError } from "../domain/errors.ts";
import { findQueue, type Queue } from "../postgres/queues.ts";
import type { Api } from "./api.ts";
import type { Caller } from "./caller.ts";

/** @throws ServiceError queue_not_found */
export async function requireQueue(api: Api, caller: Caller, name: string): Promise<Queue> {
  const queue = await findQueue(api.pool, caller.tenantId, name);
  if (queue === undefined)
    throw new ServiceError("queue_not_found", { detail: `There is no queue ${name} here.` });
  return queue;
}

/** @throws ServiceError type_not_found */
export function requireType(api: Api, name: string): CompiledJobType {
  const jobType = api.jobTypes.get(name);
  if (jobType !== undefined) return jobType;
  const nearest = nearestName(name, [...api.jobTypes.keys()]);
  throw new ServiceError("type_not_found", {
    detail: nearest === "" ? undefined : `Did you mean ${nearest}?`,
  });
}

/**
 * Queue and job type of a submission; a type that is not named is the queue's own.
 * @throws ServiceError queue_not_found | type_not_found | invalid_query (neither names a type)
 */
export async function requireTarget(
  api: Api,
  caller: Caller,
  wish: { queue: string; type: string | undefined },
): Promise<{ queue: Queue; jobType: CompiledJobType }> {
  const queue = await requireQueue(api, caller, wish.queue);
  const type = wish.type ?? queue.defaultType;
  if (type === null)
    throw new ServiceError("type_not_found", {
      detail: `No type was named, and the queue ${queue.name} has no default type.`,
    });
  return { queue, jobType: requireType(api, type) };
}
