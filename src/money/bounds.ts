// The acts of a person on what makes holds smaller: to begin anew with the counts of a model, or with the caps of a job type, that have
// switched themselves off.

import { ServiceError } from "../domain/errors.ts";
import { installationTenantId } from "../domain/ids.ts";
import type { Log } from "../observe/log.ts";
import { appendAudit } from "../postgres/audit.ts";
import { trustAgain } from "../postgres/count-trust.ts";
import { withTransaction } from "../postgres/pool.ts";
import type { Client, Pool } from "../postgres/pool.ts";
import { sizeAgain } from "../postgres/right-sizes.ts";

export interface BoundDeps {
  readonly pool: Pool;
  readonly log: Log;
}

export interface BoundAct {
  readonly reason: string;
  readonly actor: string;
}

/**
 * Begins anew with the counts of a model: its holds are by bytes until enough bills agree with their counts again.
 * @throws ServiceError not_found: it was never counted
 */
export async function renewTrust(
  { pool, log }: BoundDeps,
  act: BoundAct & { readonly model: string; readonly marginBp: number },
): Promise<void> {
  const { model, marginBp, reason, actor } = act;
  await withTransaction(pool, async (client) => {
    if (!(await trustAgain(client, model, marginBp)))
      throw new ServiceError("not_found", { detail: "The requests of this model were never counted." });
    await tell(client, actor, {
      act: "count.trusted_again",
      subjectKind: "model",
      subjectId: model,
      detail: { margin_bp: marginBp, reason },
    });
  });
  log.event("count.trusted_again", { model, marginBp });
}

/**
 * Lets a job type be right-sized again.
 * @throws ServiceError not_found: nothing of it is off
 */
export async function renewSizes(
  { pool, log }: BoundDeps,
  { jobType, reason, actor }: BoundAct & { readonly jobType: string },
): Promise<void> {
  await withTransaction(pool, async (client) => {
    if ((await sizeAgain(client, jobType)) === 0)
      throw new ServiceError("not_found", { detail: "No right-sizing of this job type is off." });
    await tell(client, actor, {
      act: "size.again",
      subjectKind: "job_type",
      subjectId: jobType,
      detail: { reason },
    });
  });
  log.event("size.again", { jobType });
}

const tell = (
  client: Client,
  actor: string,
  act: { act: string; subjectKind: string; subjectId: string; detail: Readonly<Record<string, unknown>> },
): Promise<void> => appendAudit(client, { tenantId: installationTenantId, actor, ...act });
