// Rows that control and upkeep act on, written straight into the tables.
import { newId } from "../../src/config/ids.ts";
import { installationTenantId } from "../../src/domain/ids.ts";
import type { Database } from "../../src/postgres/pool.ts";

export interface SeededBulk {
  tenantId: string;
  queueId: string;
  queueName: string;
  bulkId: string;
  jobIds: string[];
}

interface SeedOptions {
  readonly jobs: number;
  readonly lane?: "realtime" | "batch";
  /** A tenant of its own by default. */
  readonly tenantId?: string;
  readonly queueId?: string;
}

export async function seedTenant(database: Database): Promise<string> {
  const id = newId();
  await database.query("INSERT INTO tenants (id, name) VALUES ($1, $2)", [id, `t-${id}`]);
  return id;
}

export async function seedQueue(
  database: Database,
  tenantId: string = installationTenantId,
): Promise<{ id: string; name: string }> {
  const id = newId();
  const name = `q-${id}`;
  await database.query("INSERT INTO queues (id, tenant_id, name, owner) VALUES ($1, $2, $3, 'ada')", [
    id,
    tenantId,
    name,
  ]);
  return { id, name };
}

/** A bulk of queued jobs, with a tenant and a queue of its own unless given. */
export async function seedBulk(database: Database, options: SeedOptions): Promise<SeededBulk> {
  const tenantId = options.tenantId ?? (await seedTenant(database));
  const queue =
    options.queueId === undefined ? await seedQueue(database, tenantId) : { id: options.queueId, name: "" };
  const bulkId = newId();
  const jobIds = Array.from({ length: options.jobs }, newId);
  await database.query(
    `INSERT INTO bulks (id, tenant_id, queue_id, job_type, on_invalid, accepted, created_by, expires_at)
     VALUES ($1, $2, $3, 'classify-intent', 'reject', $4, 'test', now() + interval '7 days')`,
    [bulkId, tenantId, queue.id, options.jobs],
  );
  await database.query(
    `INSERT INTO jobs (id, tenant_id, bulk_id, queue_id, line, job_type, lane, urgency, priority, attempts_max, model, prompt_version,
       request_bytes, request_sha256, input_tokens_max, output_tokens_max, cache_write, may_run_in_us)
     SELECT j.id, $2, $3, $4, j.line, 'classify-intent', $5, 'now', 5, 3, 'claude-haiku-4-5', 1, 100, '\\x00', 100, 100, 'none', false
       FROM unnest($1::text[]) WITH ORDINALITY AS j(id, line)`,
    [jobIds, tenantId, bulkId, queue.id, options.lane ?? "realtime"],
  );
  return { tenantId, queueId: queue.id, queueName: queue.name, bulkId, jobIds };
}

/** Puts a job under way in the realtime lane, as the claim does: an open attempt of that process, worst case in nano-dollars. */
export async function runJob(
  database: Database,
  jobId: string,
  processId: string,
  worstNano = 1_000n,
): Promise<void> {
  await database.query(
    `UPDATE jobs SET state = 'running', attempt_no = attempt_no + 1, process_id = $2, dispatched_at = now() WHERE id = $1`,
    [jobId, processId],
  );
  await database.query(
    `INSERT INTO attempts (job_id, no, tenant_id, bulk_id, lane, credential_id, process_id, job_type, prompt_version, model,
       request_sha256, request_bytes, worst_nano, price_id, price_at, queued_at)
     SELECT id, attempt_no, tenant_id, bulk_id, 'realtime', 'default', $2, job_type, prompt_version, model,
       request_sha256, request_bytes, $3, 'price', now(), queued_at FROM jobs WHERE id = $1`,
    [jobId, processId, worstNano],
  );
}
