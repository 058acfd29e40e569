// Confirming a bulk whose worst case is above what its queue lets one person spend. The confirmer is a person with a key of their
// own, and never the one who submitted: a key of a service says nothing about who looked, and one's own word adds nothing.
import { ServiceError } from "../domain/errors.ts";
import type { Log } from "../observe/log.ts";
import { approveBulk } from "../postgres/approval.ts";
import type { FoundBulkRow } from "../postgres/bulks.ts";
import type { Database } from "../postgres/pool.ts";

interface ApprovalDeps {
  readonly pool: Database;
  readonly log: Log;
}

/** @throws ServiceError approval_not_needed | second_person_needed */
export async function confirmBulk(
  deps: ApprovalDeps,
  bulk: FoundBulkRow,
  act: { tenantId: string; actor: string; reason: string | null },
): Promise<void> {
  if (bulk.approval !== "waiting") throw new ServiceError("approval_not_needed");
  if (!act.actor.startsWith("person:") || act.actor === bulk.created_by)
    throw new ServiceError("second_person_needed", { detail: `It was submitted by ${bulk.created_by}.` });
  if (!(await approveBulk(deps.pool, { bulkId: bulk.id, ...act })))
    throw new ServiceError("approval_not_needed");
  deps.log.event("bulk.approved", { bulk: bulk.id });
}
