// Finished jobs without lanes: written as the lanes would, straight into the rows.
import type { Pool } from "../../src/postgres/pool.ts";

export interface Ending {
  readonly line: number;
  readonly state: "succeeded" | "refused" | "failed" | "expired" | "canceled" | "invalid_output";
  readonly output?: unknown;
  readonly reason?: string;
  readonly costNano?: bigint;
  readonly realtimeNano?: bigint;
}

/** Ends jobs of a bulk, in this order. */
export async function finishJobs(pool: Pool, bulkId: string, endings: readonly Ending[]): Promise<void> {
  for (const ending of endings) {
    const { line, state, output, reason, costNano = 0n, realtimeNano = 0n } = ending;
    const failed = state === "failed";
    const { rows } = await pool.query<{ id: string }>(
      `UPDATE jobs SET state = $3, finished_at = clock_timestamp(), finish_seq = nextval('job_finish_seq'), attempts_paid = 1,
              cost_nano = $4, realtime_nano = $5, failure_code = $6, failure_fault = $7
        WHERE bulk_id = $1 AND line = $2 RETURNING id`,
      [
        bulkId,
        line,
        state,
        costNano,
        realtimeNano,
        failed ? "provider_error" : null,
        failed ? "provider" : null,
      ],
    );
    const id = rows[0]?.id;
    if (id === undefined) throw new Error(`bulk ${bulkId} has no line ${line}`);
    if (output !== undefined || reason !== undefined)
      await pool.query(
        "INSERT INTO job_results (job_id, tenant_id, output, confidence, reason, attempt_no) SELECT id, tenant_id, $2, 0.75, $3, 1 FROM jobs WHERE id = $1",
        [id, output === undefined ? null : JSON.stringify(output), reason ?? null],
      );
    await pool.query(
      `INSERT INTO ledger (tenant_id, kind, job_id, attempt_no, bulk_id, queue_id, job_type, prompt_version, model, lane, labels, price_id, amount_nano, realtime_nano)
       SELECT j.tenant_id, 'settle', j.id, 1, j.bulk_id, j.queue_id, j.job_type, j.prompt_version, j.model, j.lane, coalesce(j.labels, b.labels), 'test', $2, $3
         FROM jobs j JOIN bulks b ON b.id = j.bulk_id WHERE j.id = $1`,
      [id, costNano, realtimeNano],
    );
  }
}

/** One open attempt of a job, as a worker has it. */
export async function openAttempt(pool: Pool, jobId: string): Promise<void> {
  await pool.query(
    `INSERT INTO attempts (job_id, no, tenant_id, bulk_id, lane, credential_id, job_type, prompt_version, model, request_sha256,
       request_bytes, worst_nano, price_id, price_at, queued_at)
     SELECT id, 1, tenant_id, bulk_id, 'realtime', 'default', job_type, prompt_version, model, request_sha256, request_bytes, 5000, 'test', now(), queued_at
       FROM jobs WHERE id = $1`,
    [jobId],
  );
}

/** Spends and holds money in the open window of a queue's budget, as the lanes would have. */
export async function commitMoney(
  pool: Pool,
  queueId: string,
  money: { spentNano: bigint; heldNano: bigint },
): Promise<void> {
  await pool.query(
    `INSERT INTO budget_windows (budget_id, tenant_id, starts_at, ends_at, limit_nano, spent_nano, held_nano)
     SELECT id, tenant_id, created_at, 'infinity'::timestamptz, limit_nano, $2, $3 FROM budgets WHERE target = $1 AND ended_at IS NULL`,
    [queueId, money.spentNano, money.heldNano],
  );
}
