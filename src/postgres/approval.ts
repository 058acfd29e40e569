// The second person's word on a bulk.
import type { Database } from "./pool.ts";
import { queryOne } from "./query.ts";

const approveRow = queryOne("approval/approve");

/** Confirms a waiting bulk; false if it does not wait, or this actor submitted it. */
export async function approveBulk(
  database: Database,
  approval: { bulkId: string; tenantId: string; actor: string; reason: string | null },
): Promise<boolean> {
  const { bulkId, tenantId, actor, reason } = approval;
  return (await approveRow(database, [bulkId, tenantId, actor, reason])) !== undefined;
}
