// A queue as the API shows it. What others do in a shared queue is nobody's business but the installation's: a tenant sees its own
// backlog there, and not the budget, whose figures would tell what others spend.
import { z } from "zod";
import { lanes, openStates } from "../../domain/job.ts";
import { formatUsd } from "../../domain/money.ts";
import { type QueueBudgetRow, readQueueBudgets } from "../../postgres/budgets.ts";
import {
  type BacklogRow,
  type OpenFlagRow,
  type Queue,
  readBacklog,
  readOpenFlags,
} from "../../postgres/queues.ts";
import type { Api } from "../api.ts";
import { presentWindow, windowFigures } from "../budgets/present.ts";
import type { Caller } from "../caller.ts";
import { iso } from "../present.ts";
import { usdSchema } from "../schemas.ts";

const instant = z.iso.datetime();
const byState = z.partialRecord(z.enum(openStates), z.int());

export const queueSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    shared: z.boolean(),
    owner: z.string(),
    default_type: z.string().nullable(),
    default_urgency: z.enum(["now", "whenever"]).nullable(),
    default_priority: z.int().nullable(),
    limits: z.object({
      concurrency_max: z.int().nullable(),
      attempts_max: z.int().nullable(),
      job_age_max_s: z.int().nullable(),
    }),
    approve_above_usd: usdSchema.nullable(),
    paused: z.boolean(),
    flags: z.array(
      z.object({
        kind: z.enum(["pause", "stop"]),
        scope: z.enum(["global", "queue"]),
        reason: z.string(),
        set_by: z.string(),
        set_at: instant,
      }),
    ),
    backlog: z.object({ total: z.int(), lane: z.partialRecord(z.enum(lanes), byState) }),
    budget: z
      .object({ id: z.string(), ...windowFigures })
      .nullable()
      .meta({ description: "The owner's own; with several windows the shortest. All: GET /v1/budgets." }),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: "Queue" });

/** Queues with what waits in them and what they may spend, as this caller may see it. */
export async function presentQueues(api: Api, queues: readonly Queue[], caller: Caller): Promise<unknown[]> {
  const now = api.clock.now();
  const ids = queues.map(({ id }) => id);
  const managed = queues.filter((queue) => maySeeWhole(queue, caller)).map(({ id }) => id);
  const tenantId = caller.installation ? null : caller.tenantId;
  const [backlog, flags, budgets] = await Promise.all([
    readBacklog(api.pool, ids, tenantId),
    readOpenFlags(api.pool, {
      queueIds: ids,
      tenantIds: [caller.tenantId, ...queues.map((queue) => queue.tenantId)],
    }),
    readQueueBudgets(api.pool, managed, now),
  ]);
  return queues.map((queue) =>
    presentQueue(queue, {
      backlog: backlog.filter((row) => row.queue_id === queue.id),
      // In a shared queue a tenant's own pause holds its own work.
      flags: flags.filter(
        ({ scope, target }) =>
          scope === "global" || [queue.id, queue.tenantId, caller.tenantId].includes(target),
      ),
      budget: budgets.find((row) => row.queue_id === queue.id),
      now,
    }),
  );
}

const maySeeWhole = (queue: Queue, caller: Caller): boolean =>
  caller.installation || queue.tenantId === caller.tenantId;

interface Around {
  readonly backlog: readonly BacklogRow[];
  readonly flags: readonly OpenFlagRow[];
  readonly budget: QueueBudgetRow | undefined;
  readonly now: Date;
}

function presentQueue(queue: Queue, { backlog, flags, budget, now }: Around): unknown {
  return {
    id: queue.id,
    name: queue.name,
    shared: queue.shared,
    owner: queue.owner,
    default_type: queue.defaultType,
    default_urgency: queue.defaultUrgency,
    default_priority: queue.defaultPriority,
    limits: {
      concurrency_max: queue.concurrencyMax,
      attempts_max: queue.attemptsMax,
      job_age_max_s: queue.jobAgeMaxS,
    },
    approve_above_usd: queue.approveAboveNano === null ? null : formatUsd(queue.approveAboveNano),
    paused: flags.length > 0,
    flags: flags.map(({ kind, scope, reason, set_by, set_at }) => ({
      kind,
      scope,
      reason,
      set_by,
      set_at: iso(set_at),
    })),
    backlog: presentBacklog(backlog),
    budget: budget === undefined ? null : { id: budget.id, ...presentWindow(budget, now) },
    created_at: iso(queue.createdAt),
    updated_at: iso(queue.updatedAt),
  };
}

function presentBacklog(rows: readonly BacklogRow[]): unknown {
  const lane: Record<string, Record<string, number>> = {};
  let total = 0;
  for (const row of rows) {
    const states = (lane[row.lane] ??= {});
    states[row.state] = Number(row.jobs);
    total += Number(row.jobs);
  }
  return { total, lane };
}
