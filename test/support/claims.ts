// Claims without a lane: seeded jobs are dispatched and their money is held as a worker would, at an instant the test chooses.
import { inspect } from "node:util";
import { newId } from "../../src/config/ids.ts";
import type { BudgetScope, Unbudgeted, WhenBound } from "../../src/domain/budget.ts";
import type { WindowKind } from "../../src/domain/budget-window.ts";
import { installationTenantId } from "../../src/domain/ids.ts";
import { openBooks, type Books } from "../../src/postgres/books.ts";
import type { Claim, ClaimAnswer, ClaimedJob } from "../../src/postgres/claim.ts";
import type { Database, Pool } from "../../src/postgres/pool.ts";
import type { AttemptRecord } from "../../src/postgres/record.ts";
import type { Tightening } from "../../src/postgres/tight-bounds.ts";

/** What the worst case of a seeded job costs in the realtime lane: 100 tokens in and out of claude-haiku-4-5, in nano-dollars. */
export const worstOfSeeded = 600_000n;

export interface ClaimTimes {
  now(): Date;
  readonly unbudgeted?: Unbudgeted;
  readonly tightening?: Tightening;
}

/** The books of a process that works at these times. */
export function booksAt(pool: Pool, times: ClaimTimes): Books {
  const processId = newId();
  return openBooks(pool, {
    itemsMax: 100,
    terms: () => ({
      processId,
      credentialId: "default",
      now: times.now(),
      newId,
      budgetRetryAt: new Date(times.now().getTime() + 1_000),
      unbudgeted: times.unbudgeted ?? "refuse",
      tightening: times.tightening,
    }),
  });
}

/** Dispatches jobs that are queued in the realtime lane, as the dispatcher does; those somebody else has are left out. */
export async function dispatchJobs(database: Database, jobIds: readonly string[]): Promise<Claim[]> {
  await database.query(
    `INSERT INTO job_inputs (job_id, tenant_id, input) SELECT id, tenant_id, '{}' FROM jobs WHERE id = ANY ($1)
         ON CONFLICT DO NOTHING`,
    [jobIds],
  );
  const { rows } = await database.query<{ id: string; dispatch_no: number }>(
    `UPDATE jobs SET state = 'dispatched', dispatch_no = dispatch_no + 1, dispatched_at = now(), lease_until = now() + interval '1 minute'
      WHERE id IN (SELECT id FROM jobs WHERE id = ANY ($1) AND state = 'queued' AND lane = 'realtime' FOR UPDATE SKIP LOCKED)
     RETURNING id, dispatch_no`,
    [jobIds],
  );
  const order = new Map(jobIds.map((id, at) => [id, at]));
  return rows
    .toSorted((a, b) => (order.get(a.id) ?? 0) - (order.get(b.id) ?? 0))
    .map((row) => ({ jobId: row.id, dispatchNo: row.dispatch_no }));
}

/** Dispatches and claims jobs one after the other. */
export async function claimJobs(pool: Pool, books: Books, jobIds: readonly string[]): Promise<ClaimAnswer[]> {
  const answers: ClaimAnswer[] = [];
  for (const claim of await dispatchJobs(pool, jobIds)) answers.push(await books.claim(claim));
  return answers;
}

/** What became of each: `claimed`, or why not. */
export const verdictsOf = (answers: readonly ClaimAnswer[]): string[] =>
  answers.map((answer) => (answer.claimed ? "claimed" : answer.why));

/** The end of a claimed job's call: answered at this cost, or never sent. */
export function endOf(job: Pick<ClaimedJob, "id" | "attemptNo">, costNano: bigint | null): AttemptRecord {
  const base = { jobId: job.id, attemptNo: job.attemptNo };
  if (costNano === null)
    return {
      ...base,
      attempt: { state: "unpaid", outcome: "not_sent", costNano: 0n, realtimeNano: 0n },
      next: { state: "queued", retryReason: "drain", countsTry: false },
    };
  return {
    ...base,
    attempt: { state: "settled", outcome: "succeeded", costNano, realtimeNano: costNano },
    next: { state: "succeeded" },
    result: { output: "{}", confidence: null, abstained: null, reason: null },
  };
}

export interface SeededBudget {
  readonly tenantId?: string;
  readonly scope: BudgetScope;
  readonly target?: string;
  readonly limitNano: bigint;
  readonly window?: WindowKind;
  readonly timeZone?: string;
  readonly whenBound?: WhenBound;
}

/** A budget, written straight into the table; answers its id. */
export async function seedBudget(database: Database, budget: SeededBudget): Promise<string> {
  const id = newId();
  await database.query(
    `INSERT INTO budgets (id, tenant_id, scope, target, owner, limit_nano, window_kind, time_zone, when_bound, created_at)
     VALUES ($1, $2, $3, $4, 'ada', $5, $6, $7, $8, '2026-01-01')`,
    [
      id,
      budget.tenantId ?? installationTenantId,
      budget.scope,
      budget.target ?? "",
      budget.limitNano,
      budget.window ?? "total",
      budget.timeZone ?? "UTC",
      budget.whenBound ?? "wait",
    ],
  );
  return id;
}

/** Windows whose sums are not what their holds and ledger say, or that are above their limit; with the difference. */
export async function wrongWindows(database: Database): Promise<unknown[]> {
  const { rows } = await database.query(
    `SELECT w.id, w.limit_nano, w.spent_nano, w.held_nano, p.open_nano, l.ledger_nano
       FROM budget_windows w
      CROSS JOIN LATERAL (SELECT coalesce(sum(p.remaining_nano), 0) AS open_nano FROM hold_parts p JOIN holds h ON h.id = p.hold_id
                           WHERE p.window_id = w.id AND h.state = 'open') p
      CROSS JOIN LATERAL (SELECT coalesce(sum(l.amount_nano), 0) AS ledger_nano FROM ledger l JOIN attempts a ON a.job_id = l.job_id AND a.no = l.attempt_no
                           WHERE w.id = ANY (a.window_ids)) l
      WHERE w.held_nano <> p.open_nano OR w.spent_nano <> l.ledger_nano OR w.spent_nano + w.held_nano > w.limit_nano`,
  );
  return rows;
}

/** Fails where {@link wrongWindows} finds any: what every test of money ends with. */
export async function requireRightWindows(database: Database): Promise<void> {
  const wrong = await wrongWindows(database);
  if (wrong.length > 0) throw new Error(`windows that do not add up: ${inspect(wrong)}`);
}
