// Puts work in without the API, through the same intake: for tests of the lanes.

import { newId } from "../../src/config/ids.ts";
import { systemClock } from "../../src/config/clock.ts";
import { loadJobTypes } from "../../src/config/job-types.ts";
import { type Caps, capsAttempts, leftBeyond, narrowed, tokensBound } from "../../src/domain/caps.ts";
import type { Lane } from "../../src/domain/job.ts";
import { openPool, withTransaction } from "../../src/postgres/pool.ts";
import { insertBulk, insertJobs } from "../../src/postgres/intake.ts";
import { silentLog } from "../../src/observe/log.ts";
import { createHash } from "node:crypto";
import type pg from "pg";

export interface TestBulk {
  lane: Lane;
  inputs: Record<string, unknown>[];
  type?: string;
  shared?: Record<string, unknown>;
  queue?: string;
  priority?: number;
  /** Of all its jobs. */
  labels?: Record<string, string>;
  /** Whether its jobs may go to the batch lane where a ceiling says so. */
  mayWait?: boolean;
  caps?: Caps;
  /** Where further job types are. */
  jobsDirs?: readonly string[];
  /** Of all its jobs. */
  deadlineAt?: Date;
}

/** Stores a bulk in a queue of the tenant `default` and tells the lanes; answers its id. */
export async function submitBulk(databaseUrl: string, bulk: TestBulk): Promise<string> {
  const jobType = (await loadJobTypes({ dirs: bulk.jobsDirs ?? [] })).get(bulk.type ?? "classify-intent");
  if (jobType === undefined) throw new Error("no such job type");
  const pool = openPool(databaseUrl, { max: 2, applicationName: "test", log: silentLog });
  const caps = narrowed(jobType.caps, bulk.caps ?? {});
  const id = newId();
  const prepared = jobType.prepare(bulk.shared ?? null, caps);
  await withTransaction(pool, async (client) => {
    const { rows } = await client.query<{ id: string; tenant_id: string }>(
      "SELECT q.id, q.tenant_id FROM queues q JOIN tenants t ON t.id = q.tenant_id WHERE t.name = 'default' AND q.name = $1",
      [bulk.queue ?? "default"],
    );
    const [queue] = rows;
    if (queue === undefined) throw new Error("no such queue");
    const of = { bulkId: id, tenantId: queue.tenant_id, queueId: queue.id, jobType: jobType.name };
    await insertBulk(client, {
      id,
      ...of,
      shared: bulk.shared === undefined ? null : JSON.stringify(bulk.shared),
      labels: bulk.labels ?? {},
      onInvalid: "reject",
      single: false,
      retryOf: null,
      createdBy: "test",
      caps,
      expiresAt: new Date(systemClock.now().getTime() + 7 * 86_400_000),
    });
    const jobs = bulk.inputs.map((input, index) => {
      const checked = prepared.check(input);
      if (!checked.ok) throw new Error(JSON.stringify(checked.errors));
      const { params, ...request } = checked.request;
      return {
        id: newId(),
        line: index + 1,
        key: null,
        lane: bulk.lane,
        urgency: bulk.lane === "realtime" ? ("now" as const) : ("whenever" as const),
        deadlineAt: bulk.deadlineAt ?? null,
        priority: bulk.priority ?? 5,
        mayWait: bulk.mayWait ?? false,
        labels: null,
        retryOf: null,
        input: checked.input,
        request,
        requestSha256: createHash("sha256").update(params).digest("hex"),
        worstNano: 0n,
      };
    });
    for (let from = 0; from < jobs.length; from += 1_000)
      await insertJobs(
        client,
        {
          ...of,
          attemptsMax: Math.min(3, caps.attemptsMax ?? 3),
          expiresAtDeadline: false,
          fullCap: capsAttempts(caps),
        },
        jobs.slice(from, from + 1_000),
      );
    const tokens = jobs.reduce((sum, { request }) => sum + tokensBound(request), 0);
    const left = leftBeyond({ accepted: jobs.length, bytes: 0, tokens }, caps);
    await client.query("UPDATE bulks SET accepted = $2, attempts_left = $3, tokens_left = $4 WHERE id = $1", [
      id,
      jobs.length,
      left.attempts,
      left.tokens,
    ]);
    await client.query("SELECT pg_notify('sluice_work', $1)", [queue.id]);
  });
  await pool.end();
  return id;
}

/** Sets a total budget on a queue of the tenant `default`, in nano-dollars. */
export async function setBudget(db: pg.Client, limitNano: bigint, queue = "default"): Promise<void> {
  await db.query(
    `INSERT INTO budgets (id, tenant_id, scope, target, owner, limit_nano, window_kind)
     SELECT $1, q.tenant_id, 'queue', q.id, 'test', $2, 'total' FROM queues q JOIN tenants t ON t.id = q.tenant_id
      WHERE t.name = 'default' AND q.name = $3`,
    [newId(), limitNano, queue],
  );
}
