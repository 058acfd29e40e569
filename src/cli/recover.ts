// The recovery after a restore, from end to end: batches, realtime spend, and only then the end of the stop. It can be run as often
// as it takes; what is booked is not booked again.
import { systemClock } from "../config/clock.ts";
import { formatUsd } from "../domain/money.ts";
import { batchLaneBounds } from "../lanes/batch/bounds.ts";
import { recoverBatches, type RecoveredBatch } from "../lanes/batch/recover.ts";
import { findRestore, type RestoreMarker } from "../postgres/restores.ts";
import { bookRealtime, finishRecovery, type FoundSpend } from "../postgres/recover.ts";
import { createProviderBatches } from "../provider/batches.ts";
import type { CliDeps } from "./deps.ts";
import { CliError, exitCodes } from "./exit-codes.ts";
import { figureSourceOf, openProvider, workKey } from "./figure-source.ts";
import type { Operator } from "./operator.ts";
import { configOf } from "./settings.ts";

export interface RecoverWish {
  /** What realtime calls cost, as a person says; null: ask the provider's figures. */
  readonly realtimeNano: bigint | null;
  readonly ours: readonly string[];
  readonly foreign: readonly string[];
  readonly cancelForMs: number;
  readonly apiKeyIds: readonly string[];
  readonly workspaceIds: readonly string[];
}

export type Recovery =
  | { readonly kind: "nothing" }
  | {
      readonly kind: "recovered" | "unfinished";
      readonly snapshotAt: Date;
      readonly batches: readonly RecoveredBatch[];
      readonly realtimeNano: bigint;
      readonly realtimeFrom: string;
    };

const credentialId = "default";
const undecided = new Set(["running", "unproved", "unread"]);

/** Finds and books what the provider did since the backup; lifts the stop when nothing is left open. */
export async function recover(deps: CliDeps, operator: Operator, wish: RecoverWish): Promise<Recovery> {
  const marker = await findRestore(operator.pool);
  if (marker === undefined) return { kind: "nothing" };
  const realtime = await realtimeSince(deps, marker, wish);
  const batches = await findBatches(deps, operator, { marker, wish });
  await bookRealtime(operator.pool, { id: marker.id, at: systemClock.now() }, realtime.spend);
  const report = {
    snapshotAt: marker.snapshot_at,
    batches,
    realtimeNano: realtime.spend.reduce((sum, { nano }) => sum + nano, marker.realtime_nano ?? 0n),
    realtimeFrom: realtime.from,
  };
  if (batches.some(({ kind }) => undecided.has(kind))) return { kind: "unfinished", ...report };
  const detail = {
    snapshot_at: marker.snapshot_at.toISOString(),
    batches: batches.filter(({ kind }) => kind === "adopted").length,
    realtime_usd: formatUsd(report.realtimeNano),
    realtime_from: realtime.from,
  };
  await finishRecovery(operator.pool, marker.id, { actor: operator.actor, detail });
  operator.log.event("restore.recovered", { restore: marker.id });
  return { kind: "recovered", ...report };
}

async function findBatches(
  deps: CliDeps,
  operator: Operator,
  { marker, wish }: { marker: RestoreMarker; wish: RecoverWish },
): Promise<RecoveredBatch[]> {
  const config = configOf(deps);
  const provider = openProvider(config, workKey(config));
  try {
    const batches = createProviderBatches(provider, {
      controlDeadlineMs: batchLaneBounds.controlDeadlineMs,
      pageSize: batchLaneBounds.listingPageSize,
    });
    return await recoverBatches(
      {
        pool: operator.pool,
        batches,
        clock: systemClock,
        credentialId,
        log: operator.log,
        newId: operator.newId,
      },
      { since: marker.snapshot_at, ours: wish.ours, foreign: wish.foreign, cancelForMs: wish.cancelForMs },
    );
  } finally {
    await provider.close();
  }
}

interface Realtime {
  readonly spend: readonly FoundSpend[];
  readonly from: string;
}

/** What realtime calls cost since the backup, by model. Buckets begin on the minute, so it may be a little more. */
async function realtimeSince(deps: CliDeps, marker: RestoreMarker, wish: RecoverWish): Promise<Realtime> {
  if (marker.realtime_nano !== null) return { spend: [], from: "an earlier run" };
  const jobId = `restore-${marker.id}`;
  if (wish.realtimeNano !== null)
    return {
      spend: [{ jobId, model: "", priceId: "", nano: wish.realtimeNano }],
      from: "the operator's word",
    };
  const found = figureSourceOf(configOf(deps), { ...wish, bucketWidth: "1m" });
  if (found === undefined)
    throw new CliError(exitCodes.usage, "Nobody says what realtime calls cost since the backup.", {
      hint: "Set ANTHROPIC_ADMIN_KEY for the provider's figures, SLUICE_PROVIDER_URL for a simulator's, or give --realtime-usd (0 if there were none).",
    });
  const { source, close } = found;
  const until = new Date(systemClock.now().getTime() + 60_000);
  const theirs = await source.read({ since: marker.snapshot_at, until }).finally(() => void close());
  if (theirs.unpriced.length > 0)
    throw new CliError(exitCodes.refused, `The price table has no price for ${theirs.unpriced.join(", ")}.`, {
      hint: "Give --realtime-usd with what the provider's console says.",
    });
  const byModel = new Map<string, bigint>();
  for (const { lane, model, nano, uncertainNano } of theirs.figures)
    if (lane === "realtime") byModel.set(model, (byModel.get(model) ?? 0n) + nano + uncertainNano);
  const spend = [...byModel].map(([model, nano]) => ({ jobId, model, priceId: "", nano }));
  return { spend, from: source.describe };
}
