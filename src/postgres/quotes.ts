// Quotes as rows, and what is known of the past to make them from.
import type { Client, Database } from "./pool.ts";
import { query, queryOne, type RowOf } from "./query.ts";

const insertRow = query("quotes/insert");
const lockRow = queryOne("quotes/lock");
const useRow = query("quotes/use");
const observedRows = query("quotes/observed");
const pruneRows = query("quotes/prune");

export interface NewQuote {
  readonly id: string;
  readonly tenantId: string;
  readonly queueId: string;
  readonly jobType: string;
  readonly requestSha256: Buffer;
  readonly worstNano: bigint;
  readonly createdBy: string;
  readonly expiresAt: Date;
}

export async function insertQuote(database: Database, quote: NewQuote): Promise<void> {
  const { id, tenantId, queueId, jobType, requestSha256, worstNano, createdBy, expiresAt } = quote;
  await insertRow(database, [id, tenantId, queueId, jobType, requestSha256, worstNano, createdBy, expiresAt]);
}

/** The quote of this tenant, locked until the end of the transaction. */
export function lockQuote(
  client: Client,
  id: string,
  tenantId: string,
): Promise<RowOf<"quotes/lock"> | undefined> {
  return lockRow(client, [id, tenantId]);
}

/** Uses a locked quote up: its worst case becomes the ceiling of that bulk alone. */
export async function useQuote(
  client: Client,
  use: { quoteId: string; bulkId: string; budgetId: string; tenantId: string; owner: string },
): Promise<void> {
  await useRow(client, [use.quoteId, use.bulkId, use.budgetId, use.tenantId, use.owner]);
}

/** What jobs of a type cost lately beside their worst case, by lane. */
export async function readObserved(
  database: Database,
  of: { tenantId: string; jobType: string; queueId: string; since: Date },
  bounds: { entriesMax: number; batchesMax: number },
): Promise<RowOf<"quotes/observed">[]> {
  const { tenantId, jobType, queueId, since } = of;
  return (
    await observedRows(database, [tenantId, jobType, queueId, since, bounds.entriesMax, bounds.batchesMax])
  ).rows;
}

/** Removes unused quotes that ended before an instant; answers how many. */
export async function pruneQuotes(database: Database, before: Date, rowsMax: number): Promise<number> {
  return (await pruneRows(database, [before, rowsMax])).rowCount;
}
