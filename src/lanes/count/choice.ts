// Which waiting work is counted next.

import { limits } from "../../config/limits.ts";
import type { Clock } from "../../domain/clock.ts";
import { isTrusted } from "../../domain/count-trust.ts";
import { modelNames } from "../../domain/models.ts";
import type { Gate, WorkScope } from "../../domain/work-scope.ts";
import { readUncounted } from "../../postgres/count-trust.ts";
import type { ModelTrust, UncountedJob } from "../../postgres/count-trust.ts";
import type { Pool } from "../../postgres/pool.ts";
import { windowsFor } from "../../postgres/windows.ts";

/** `refused`: models that the provider would not count now. */
export type Choice = (
  trusts: ReadonlyMap<string, ModelTrust>,
  refused: ReadonlySet<string>,
) => Promise<UncountedJob[]>;

/** Whether holds rest on the counts of a model. */
export const believed = (trust: ModelTrust | undefined): boolean => trust !== undefined && isTrusted(trust);

/**
 * Chooses what to count next: of every model that is neither switched off nor refused, behind what was looked at last, so that work behind a shut gate
 * stands in nobody's way; and of those that are not trusted yet no more than it takes to learn.
 */
export function createChoice({ pool, gate, clock }: { pool: Pool; gate: Gate; clock: Clock }): Choice {
  const cursors = new Map<string, string>();
  const untrusted = new Map<string, { asked: number; sinceMs: number }>();

  function mayAsk(model: string, trust: ModelTrust | undefined): boolean {
    if (believed(trust)) return true;
    const nowMs = clock.monotonicMs();
    const known = untrusted.get(model);
    if (known === undefined || nowMs - known.sinceMs > limits.countsUntrustedMs)
      untrusted.set(model, { asked: 0, sinceMs: nowMs });
    return (untrusted.get(model)?.asked ?? 0) < limits.countsUntrustedMax;
  }

  return async (trusts, refused) => {
    const models = modelNames.filter(
      (model) => trusts.get(model)?.off !== true && !refused.has(model) && mayAsk(model, trusts.get(model)),
    );
    const places = new Map(models.map((model) => [model, cursors.get(model) ?? ""]));
    const found = await readUncounted(pool, places, limits.countJobsPerRound);
    for (const model of models) {
      const own = found.filter((job) => job.model === model);
      const last = own.length < limits.countJobsPerRound ? undefined : own.at(-1);
      if (last === undefined) cursors.delete(model);
      else cursors.set(model, last.id);
    }
    const open = await underCeilings(
      found.filter((job) => gate(scopeOf(job)).open),
      pool,
      clock.now(),
    );
    for (const { model } of open) {
      const asked = untrusted.get(model);
      if (asked !== undefined) asked.asked += 1;
    }
    return open;
  };
}

export const scopeOf = (job: UncountedJob): WorkScope => ({
  tenantId: job.tenant_id,
  queueId: job.queue_id,
  jobType: job.job_type,
  model: job.model,
  bulkId: job.bulk_id,
});

/** Work that no budget covers waits for one to be set: a smaller hold is no help to it. */
async function underCeilings(jobs: readonly UncountedJob[], pool: Pool, now: Date): Promise<UncountedJob[]> {
  if (jobs.length === 0) return [];
  const scopes = jobs.map((job) => ({ ...scopeOf(job), labels: job.labels }));
  const { windowIds } = await windowsFor(pool, scopes, now);
  return jobs.filter((_, index) => (windowIds[index] ?? []).length > 0);
}
