// Pauses that Sluice sets by itself, each in one transaction with its alert: the breaker's, and those of overruns. Dying before the
// commit leaves nothing, and the next round of the sweep finds the same; after it, both are there. The alert's key is the id of the
// flag, so a pause is told once.
import type { BreakerScope } from "../domain/breaker.ts";
import type { Flag } from "../domain/flag.ts";
import { formatUsd } from "../domain/money.ts";
import { raiseAlert } from "./alerts.ts";
import { listOpenFlags, setPause } from "./flags.ts";
import { withTransaction, type Client, type Pool } from "./pool.ts";
import { query, queryOne } from "./query.ts";

const overrunQueues = query("overruns/queues");
const takeOverruns = queryOne("overruns/take");

export interface Trip {
  readonly flagId: string;
  readonly tenantId: string;
  readonly scope: BreakerScope;
  readonly target: string;
  readonly reason: string;
}

/** Pauses a scope for the breaker; undefined if it was paused already. */
export function tripBreaker(pool: Pool, trip: Trip): Promise<Flag | undefined> {
  const { flagId, tenantId, scope, target, reason } = trip;
  return withTransaction(pool, async (client) => {
    const flag = await setPause(client, {
      id: flagId,
      tenantId,
      scope,
      target,
      reason: `runaway: ${reason}`,
      actor: "breaker",
    });
    if (flag !== undefined)
      await raiseAlert(client, {
        dedupeKey: `flag:${flag.id}`,
        kind: "breaker_tripped",
        tenantId,
        scope,
        target,
        reason,
      });
    return flag;
  });
}

/** Queues with overruns that nobody has answered for yet. */
export async function findOverrunQueues(pool: Pool, rowsMax: number): Promise<string[]> {
  const { rows } = await overrunQueues(pool, [rowsMax]);
  return rows.map((row) => row.queue_id);
}

/**
 * Pauses a queue for its overruns and raises their alert; undefined if somebody else has, or if it was paused already. What runs over
 * while the pause is in force (calls in flight) belongs to the same event and is not told again; the ledger has each of them.
 */
export function stopForOverruns(
  pool: Pool,
  { queueId, flagId }: { queueId: string; flagId: string },
): Promise<Flag | undefined> {
  return withTransaction(pool, async (client) => {
    const taken = await takeOverruns(client, [queueId]);
    if (taken === undefined) return undefined;
    const { tenant_id: tenantId, attempts, amount_nano, job_id } = taken;
    const reason = `$${formatUsd(amount_nano)} above the hold in ${attempts} ${attempts === 1n ? "attempt" : "attempts"}, the first of job ${job_id}`;
    const flag = await setPause(client, {
      id: flagId,
      tenantId,
      scope: "queue",
      target: queueId,
      reason: `overrun: ${reason}`,
      actor: "overrun",
    });
    await raiseAlert(client, {
      dedupeKey: `overrun:${queueId}:${flag?.id ?? (await openPauseOf(client, queueId)) ?? flagId}`,
      kind: "overrun",
      tenantId,
      scope: "queue",
      target: queueId,
      reason,
    });
    return flag;
  });
}

async function openPauseOf(client: Client, queueId: string): Promise<string | undefined> {
  const open = await listOpenFlags(client, null);
  return open.find(({ kind, scope, target }) => kind === "pause" && scope === "queue" && target === queueId)
    ?.id;
}
