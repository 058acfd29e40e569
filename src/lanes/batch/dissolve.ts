// Sends the lines of a message batch back that the provider does not have: an intent that is not sent, a batch refused whole, a
// doubtful one that was proved absent. Nothing was paid for them.
//
// The decision is in the row before the first line goes back (an error code; nobody sends or adopts it any more), and the row gets
// its last state when no line is left. Whoever dies in between leaves the rest to the next step: what is recorded stays recorded.

import type { WaitReason } from "../../domain/job.ts";
import { batchRefused, mixedRefused } from "../../domain/pack.ts";
import { forbidden, requestForbidden } from "../../domain/refused-models.ts";
import { reach } from "../../observe/points.ts";
import { closeUnsent } from "../../postgres/message-batches.ts";
import type { MessageBatch } from "../../postgres/message-batches.ts";
import { readLinePlan, readOpenLines } from "../../postgres/message-batch-lines.ts";
import { recordAttempts } from "../../postgres/record.ts";
import type { AttemptRecord, NextStep } from "../../postgres/record.ts";
import { findChangedRequests } from "./body.ts";
import { batchLaneBounds } from "./bounds.ts";
import { again, done } from "./deps.ts";
import type { BatchLaneDeps, StepEnd } from "./deps.ts";
import type { StepLease } from "./step-lease.ts";

/**
 * Why the lines of a batch go back; written into its error code.
 *   lines_changed      lines were canceled meanwhile, or nobody wants any of them
 *   credential         the key, the credit or a spend limit
 *   request_forbidden  its one line is refused while its model answers others
 *   mixed_refused      the provider refused one of its several models, or the key, and did not say which
 *   batch_refused      the provider refused the whole for what it contains
 *   request_changed    some line no longer renders to what was accepted
 *   absent             it was in doubt, and proved absent
 */
const reasons = [
  "lines_changed",
  "pause",
  "stop",
  "credential",
  requestForbidden,
  mixedRefused,
  batchRefused,
  "request_changed",
  "absent",
] as const;
export type DissolveReason = (typeof reasons)[number];

/** The reason an error code stands for. */
export const reasonOf = (errorCode: string): DissolveReason =>
  reasons.find((reason) => reason === errorCode) ?? "lines_changed";

const waitReasons: Partial<Record<DissolveReason, WaitReason>> = {
  pause: "pause",
  stop: "stop",
  credential: "credential",
};

/** Sends back what is left of a batch and ends it. */
export async function dissolve(
  batch: MessageBatch,
  reason: DissolveReason,
  deps: BatchLaneDeps,
  lease: StepLease,
): Promise<StepEnd> {
  const broken = reason === "request_changed" ? await findBroken(batch.id, deps) : new Set<string>();
  for (;;) {
    if (!lease.isAlive()) return done;
    // oxlint-disable-next-line no-await-in-loop -- chunk after chunk keeps transactions short
    const lines = await readOpenLines(deps.pool, batch.id, batchLaneBounds.returnChunkLines);
    if (lines.length === 0) break;
    const records = lines.map((line): AttemptRecord => ({
      jobId: line.job_id,
      attemptNo: line.no,
      attempt: {
        state: "unpaid",
        outcome: reason === "absent" ? "unknown_end" : "not_sent",
        costNano: 0n,
        realtimeNano: 0n,
      },
      next: broken.has(line.job_id)
        ? { state: "failed", failureCode: "request_changed", failureFault: "sluice" }
        : nextStep(reason, {
            alone: batch.line_count === 1,
            triesLeft: line.tries + 1 < deps.config.triesMax,
          }),
      keepsHold: reason === "absent",
    }));
    // oxlint-disable-next-line no-await-in-loop -- see above
    await recordAttempts(deps.pool, records);
    reach("doubt.returned");
  }
  const to = reason === "absent" ? "void" : "refused";
  const closed = await closeUnsent(deps.pool, lease.holder, to, deps.clock.now());
  if (closed)
    deps.log.event(to === "void" ? "batch.void" : "batch.dissolved", {
      batchId: batch.id,
      lines: batch.line_count,
      reason,
    });
  return closed ? done : again(0);
}

async function findBroken(batchId: string, deps: BatchLaneDeps): Promise<Set<string>> {
  return new Set(await findChangedRequests(deps, await readLinePlan(deps.pool, batchId)));
}

function nextStep(reason: DissolveReason, line: { alone: boolean; triesLeft: boolean }): NextStep {
  if (reason === requestForbidden) return forbidden;
  if (reason === batchRefused && (line.alone || !line.triesLeft))
    return { state: "failed", failureCode: batchRefused, failureFault: "caller" };
  if (reason === "absent" && !line.triesLeft)
    return { state: "failed", failureCode: "unknown_end", failureFault: "provider" };
  const countsTry = reason === batchRefused || reason === "absent";
  return {
    state: "queued",
    retryReason: reason === "absent" ? "unknown_end" : reason,
    countsTry,
    waitReason: waitReasons[reason] ?? "batch",
  };
}
