// What was spent, from the ledger.
import type { Database } from "./pool.ts";
import { query, type RowOf } from "./query.ts";

const byDimensionRows = query("spend/by-dimension");
const byLabelRows = query("spend/by-label");

export const spendDimensions = [
  "tenant",
  "queue",
  "type",
  "version",
  "label",
  "bulk",
  "model",
  "lane",
  "day",
] as const;
export type SpendDimension = (typeof spendDimensions)[number];
export type SpendRow = RowOf<"spend/by-dimension">;

export interface SpendQuestion {
  /** Null: of all tenants. */
  readonly tenantId: string | null;
  readonly since: Date;
  /** Not included. */
  readonly until: Date;
  readonly by: SpendDimension;
  readonly rowsMax: number;
}

/** Spend in a span of time by one dimension, the most expensive first. */
export async function readSpend(database: Database, question: SpendQuestion): Promise<SpendRow[]> {
  const { tenantId, since, until, by, rowsMax } = question;
  const answer =
    by === "label"
      ? await byLabelRows(database, [tenantId, since, until, rowsMax])
      : await byDimensionRows(database, [tenantId, since, until, by, rowsMax]);
  return answer.rows;
}
