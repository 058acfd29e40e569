// Results that can never be fetched: the provider keeps them for 29 days from the creation of the batch, and then says that it is
// archived, or nothing at all. Waiting on would leave the lines running and their money held for ever.
//
// Nobody can say any more what was computed, so every open line is booked at its worst case (presumed, inside its hold) and its job goes
// on by its policy: another attempt if it has one left, else it fails with `results_lost`. Where the provider counted no line as
// succeeded nothing was billed, and nothing is booked. It is never silent: an alert names the batch and the sum. Dying half way
// leaves the rest of the lines to the next step; what is recorded stays recorded.

import { formatUsd } from "../../domain/money.ts";
import { raiseAlert } from "../../postgres/alerts.ts";
import { loseResults, readOpenLines } from "../../postgres/message-batch-lines.ts";
import type { OpenLine } from "../../postgres/message-batch-lines.ts";
import type { MessageBatch } from "../../postgres/message-batches.ts";
import { recordAttempts } from "../../postgres/record.ts";
import type { AttemptRecord, NextStep } from "../../postgres/record.ts";
import { batchLaneBounds } from "./bounds.ts";
import { again, done } from "./deps.ts";
import type { BatchLaneDeps, StepEnd } from "./deps.ts";
import type { StepLease } from "./step-lease.ts";

/** Whether the provider has kept the results of a batch for as long as it ever does. */
export function isPastKeeping(batch: MessageBatch, { clock }: Pick<BatchLaneDeps, "clock">): boolean {
  const createdAt = batch.provider_created_at ?? batch.created_at;
  return (
    clock.now().getTime() - createdAt.getTime() > batchLaneBounds.resultsKeptMs + batchLaneBounds.clockSkewMs
  );
}

/** Ends the lines of a batch without their results, and then the batch. */
export async function lose(batch: MessageBatch, deps: BatchLaneDeps, lease: StepLease): Promise<StepEnd> {
  const { pool, log, config } = deps;
  const unpaid = batch.state === "ended" && batch.count_succeeded === 0;
  let lines = 0;
  let costNano = 0n;
  for (;;) {
    if (!lease.isAlive()) return done;
    // oxlint-disable-next-line no-await-in-loop -- chunk after chunk keeps transactions short
    const open = await readOpenLines(pool, batch.id, batchLaneBounds.returnChunkLines);
    if (open.length === 0) break;
    // oxlint-disable-next-line no-await-in-loop -- see above
    await recordAttempts(
      pool,
      open.map((line) => recordOf(line, { unpaid, triesMax: config.triesMax })),
    );
    lines += open.length;
    if (!unpaid) costNano += open.reduce((sum, line) => sum + line.worst_nano, 0n);
  }
  if (!(await loseResults(pool, lease.holder, deps.clock.now()))) return again(0);
  log.event("batch.results_lost", { batchId: batch.id, providerId: batch.provider_id, lines, costNano });
  await raiseAlert(pool, {
    dedupeKey: `batch:${batch.id}:results_lost`,
    kind: "results_lost",
    tenantId: batch.tenant_id,
    scope: "message_batch",
    target: batch.id,
    reason: `${lines} lines, booked at $${formatUsd(costNano)}, ${batch.provider_id ?? "no id"}`,
  });
  return done;
}

function recordOf(line: OpenLine, terms: { unpaid: boolean; triesMax: number }): AttemptRecord {
  const { unpaid } = terms;
  return {
    jobId: line.job_id,
    attemptNo: line.no,
    attempt: {
      state: unpaid ? "unpaid" : "presumed",
      outcome: unpaid ? "expired" : "unknown_end",
      costNano: unpaid ? 0n : line.worst_nano,
      realtimeNano: unpaid ? 0n : line.worst_nano * 2n,
    },
    next: nextOf(line, terms),
  };
}

function nextOf(line: OpenLine, { unpaid, triesMax }: { unpaid: boolean; triesMax: number }): NextStep {
  if (line.cancel_requested_at !== null) return { state: "canceled" };
  const paid = line.attempts_counted + (unpaid ? 0 : 1);
  if (paid >= line.attempts_max || line.tries + 1 >= triesMax)
    return { state: "failed", failureCode: "results_lost", failureFault: "provider" };
  return { state: "queued", retryReason: "results_lost", countsTry: true, waitReason: "batch" };
}
