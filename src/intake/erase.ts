// Deleting a bulk: what callers sent and the model answered goes, jobs, attempts and the ledger stay.
//
// First the mark, guarded: nothing of the bulk may be open, and from then on none of its content is shown. Then the content, some
// lines at a time, each step by itself. If this process dies half way, the caller has not been told that it is done; sending the
// request again goes on where it stopped.
import { limits } from "../config/limits.ts";
import { ServiceError } from "../domain/errors.ts";
import type { Log } from "../observe/log.ts";
import { appendAudit } from "../postgres/audit.ts";
import { eraseErrors, eraseLines, markDeleted, readLastLine } from "../postgres/bulks.ts";
import { type Pool, withTransaction } from "../postgres/pool.ts";

/**
 * Deletes the content of a bulk of this tenant.
 * @throws ServiceError not_found | bulk_not_finished
 */
export async function deleteBulk(
  deps: { readonly pool: Pool; readonly log: Log },
  bulk: { id: string; tenantId: string },
  actor: string,
): Promise<void> {
  const { pool } = deps;
  await withTransaction(pool, async (client) => {
    const open = await markDeleted(client, bulk, actor);
    if (open === undefined) throw new ServiceError("not_found");
    if (open.openJobs > 0n)
      throw new ServiceError("bulk_not_finished", { detail: `${open.openJobs} jobs are open.` });
    if (open.openAttempts > 0n)
      throw new ServiceError("bulk_not_finished", {
        detail: `${open.openAttempts} attempts are still under way at the provider; what they cost is not known yet.`,
      });
    await appendAudit(client, {
      tenantId: bulk.tenantId,
      actor,
      act: "bulk.deleted",
      subjectKind: "bulk",
      subjectId: bulk.id,
    });
  });
  const last = await readLastLine(pool, bulk.id);
  for (let from = 1; from <= last; from += limits.eraseLinesPerStatement) {
    const to = from + limits.eraseLinesPerStatement - 1;
    // oxlint-disable-next-line no-await-in-loop -- short locks, one after the other
    await eraseLines(pool, bulk.id, { from, to });
  }
  await eraseErrors(pool, bulk.id);
  deps.log.event("bulk.deleted", { bulk: bulk.id });
}
