// The audit chain: append-only, every hash covers the one before it, one writer at a time until its transaction ends. So it is
// appended to last in a transaction, and by acts of people and flags only; a job's attempts are recorded in their own rows.
import type { Database } from "./pool.ts";
import { queryOne } from "./query.ts";

const append = queryOne("audit/append");

export interface AuditAct {
  /** Whose work it concerns; `installation` for what concerns all. */
  tenantId: string;
  /** Who did it: the holder of a key, or a part of Sluice. */
  actor: string;
  /** What was done, as `noun.verb`. */
  act: string;
  subjectKind: string;
  subjectId: string;
  /** Facts about the act: ids, numbers, reasons given. Never content of jobs. */
  detail?: Readonly<Record<string, unknown>>;
}

/** Appends one act. On the client of a transaction it becomes part of it. */
export async function appendAudit(database: Database, act: AuditAct): Promise<void> {
  await append(database, [
    act.tenantId,
    act.actor,
    act.act,
    act.subjectKind,
    act.subjectId,
    JSON.stringify(act.detail ?? {}),
  ]);
}
