// One step of a message batch: whoever wakes it takes the row's lease, does what its state asks for, and gives it back with the
// time it is due again. Two wake-ups of one batch never work at once, and it does not matter which of them was lost.

import { ServiceError } from "../../domain/errors.ts";
import { errorFields } from "../../observe/error-fields.ts";
import { doubtLostCreate, endStep, takeStep } from "../../postgres/message-batches.ts";
import type { MessageBatch, Wake } from "../../postgres/message-batches.ts";
import type { BatchLaneDeps, StepEnd } from "./deps.ts";
import { ingest } from "./ingest.ts";
import { poll } from "./poll.ts";
import { resolve } from "./resolve.ts";
import { createStepLease, leaseTime } from "./step-lease.ts";
import type { StepLease } from "./step-lease.ts";
import { submit } from "./submit.ts";

/** What a wake-up led to: how the batch stands as far as it is known, and the next wake-up, if there is one. */
export interface StepReport {
  readonly batch: MessageBatch | null;
  readonly next: { readonly wake: Wake; readonly inMs: number } | null;
}

/** How long a batch is left alone after a step that failed by a fault of ours. */
const faultRetryMs = 5_000;

/**
 * Runs the step that is due for a batch. Nothing happens if somebody else has it or there is nothing left to do.
 * @throws ServiceError when a store is away; the lease then runs out and the sweep wakes the batch again
 */
export async function runStep(
  batchId: string,
  deps: BatchLaneDeps,
  signal: AbortSignal,
): Promise<StepReport> {
  const asked = leaseTime(deps.clock, deps.leaseMs);
  await doubtLostCreate(deps.pool, batchId, asked.now);
  const batch = await takeStep(deps.pool, { id: batchId, processId: deps.processId }, asked.now, asked.until);
  if (batch === undefined) return { batch: null, next: null };
  const lease = createStepLease(deps, { id: batchId, processId: deps.processId }, asked);
  lease.keep();
  try {
    const end = await stepOf(batch, { deps, lease, signal });
    return { batch, next: end.kind === "done" ? null : await giveBack(batch, end.inMs, { deps, lease }) };
  } catch (error) {
    if (error instanceof ServiceError) throw error;
    deps.log.event("sweep.failed", {
      sweep: "message_batch",
      batchId,
      state: batch.state,
      ...errorFields(error),
    });
    return { batch, next: await giveBack(batch, faultRetryMs, { deps, lease }) };
  } finally {
    lease.stop();
  }
}

async function giveBack(
  batch: MessageBatch,
  inMs: number,
  { deps, lease }: Pick<StepTools, "deps" | "lease">,
): Promise<StepReport["next"]> {
  const nowMs = deps.clock.now().getTime();
  const cancelKnown = batch.cancel_requested_at !== null;
  const given = await endStep(deps.pool, lease.holder, { dueAt: new Date(nowMs + inMs), cancelKnown });
  if (given === undefined) return null;
  return { wake: given.wake, inMs: Math.max(0, given.dueAt.getTime() - nowMs) };
}

interface StepTools {
  readonly deps: BatchLaneDeps;
  readonly lease: StepLease;
  readonly signal: AbortSignal;
}

function stepOf(batch: MessageBatch, { deps, lease, signal }: StepTools): Promise<StepEnd> {
  switch (batch.state) {
    case "intent":
      return submit(batch, deps, lease);
    case "doubtful":
      return resolve(batch, deps, lease);
    case "created":
      return poll(batch, deps, lease);
    case "ended":
      return ingest(batch, deps, lease, signal);
    case "creating":
    case "ingested":
    case "refused":
    case "void":
    default:
      throw new Error(`a message batch was taken in the state ${batch.state}`);
  }
}
