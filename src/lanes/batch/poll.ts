// Asks the provider how a message batch is getting on, and for its cancellation once that is wanted. Polling goes on through pauses
// and stops, and nothing the provider or the network does ends it: the batch costs money whether we look or not.

import { outcomeRules } from "../../domain/attempt.ts";
import { pollDelayMs } from "../../domain/message-batch.ts";
import type { ProviderBatch } from "../../domain/message-batch.ts";
import { reach } from "../../observe/points.ts";
import { raiseAlert } from "../../postgres/alerts.ts";
import { readCredential, resumeCredential, stopCredential } from "../../postgres/credentials.ts";
import { proveBatch } from "../../postgres/message-batch-doubt.ts";
import { markCancelSent, recordFailure, recordPoll } from "../../postgres/message-batches.ts";
import type { MessageBatch } from "../../postgres/message-batches.ts";
import type { CallEnd } from "../../provider/call-end.ts";
import { batchLaneBounds } from "./bounds.ts";
import { again, done } from "./deps.ts";
import type { BatchLaneDeps, StepEnd } from "./deps.ts";
import { worksAlone } from "./foreign.ts";
import { isPastKeeping, lose } from "./lose.ts";
import type { StepLease } from "./step-lease.ts";

type PollEnd = CallEnd<ProviderBatch | undefined>;

/** One poll. An ended batch is due for its ingest at once. */
export async function poll(batch: MessageBatch, deps: BatchLaneDeps, lease: StepLease): Promise<StepEnd> {
  const { provider_id: providerId } = batch;
  if (providerId === null) throw new Error("a created batch without the provider's id");
  if (wantsCancel(batch) && (await isOurs(batch, providerId, deps))) await cancel(batch, providerId, deps);
  const end = await deps.batches.retrieve(providerId);
  if (end.kind !== "answer" || end.body === undefined) return failed(batch, end, deps, lease);
  reach("batch.polled");
  await noteSuccess(end.sentAt, deps);
  const { status, counts } = end.body;
  const now = deps.clock.now();
  if ((await recordPoll(deps.pool, lease.holder, { status, counts, now })) === undefined) return done;
  deps.log.event("batch.polled", { batchId: batch.id, status, ...counts });
  if (status === "ended") {
    deps.log.event("batch.ended", { batchId: batch.id, ...counts });
    reach("batch.ended");
    return again(0);
  }
  const ageMs = now.getTime() - (batch.provider_created_at ?? batch.created_at).getTime();
  return again(pollDelayMs(Math.max(0, ageMs), deps.config, end.retryAfterMs));
}

const wantsCancel = (batch: MessageBatch): boolean =>
  batch.cancel_requested_at !== null && batch.cancel_sent_at === null;

/**
 * One that may be a stranger's is not canceled before its results have shown whose it is. What spoke against it when it was recognised
 * may have been another of our own doubts, or a listing that could not be completed: so it is asked again.
 */
async function isOurs(batch: MessageBatch, providerId: string, deps: BatchLaneDeps): Promise<boolean> {
  if (!batch.unproved) return true;
  const createdAt = batch.provider_created_at ?? batch.created_at;
  return (
    (await worksAlone({ id: providerId, createdAt }, deps)) &&
    (await proveBatch(deps.pool, batch.id, providerId, deps.clock.now()))
  );
}

async function cancel(batch: MessageBatch, providerId: string, deps: BatchLaneDeps): Promise<void> {
  const end = await deps.batches.cancel(providerId);
  // A refusal of the act itself says that there is nothing left to cancel: the state is read right after. The rest is asked again.
  const settled =
    end.kind === "answer" || (end.kind === "error" && (end.status === 400 || end.status === 409));
  if (!settled) return;
  reach("batch.cancel_answered");
  await markCancelSent(deps.pool, batch.id, deps.clock.now());
  deps.log.event("batch.cancel_asked", { batchId: batch.id, providerId });
}

async function failed(
  batch: MessageBatch,
  end: PollEnd,
  deps: BatchLaneDeps,
  lease: StepLease,
): Promise<StepEnd> {
  const { config, clock, log, pool } = deps;
  const failures = await recordFailure(pool, lease.holder);
  const backoffMs = Math.min(config.pollMaxMs, config.pollMinMs * 2 ** Math.min(failures, 20));
  if (end.kind === "error" && outcomeRules[end.outcome].waitReason === "credential") {
    // A poll names no model: what it is refused for is the key.
    const outcome = end.outcome === "model_refused" ? "credential_refused" : end.outcome;
    await stopCredential(pool, deps.credentialId, outcome);
    log.event("provider.credential_refused", { batchId: batch.id, outcome: end.outcome, status: end.status });
    return again(config.pollMaxMs);
  }
  if (end.kind === "error" && end.status === 404) {
    // A batch may answer 404 for a while after it was accepted. Later on that is alarming, and still no proof of anything.
    const ageMs = clock.now().getTime() - (batch.provider_created_at ?? batch.created_at).getTime();
    if (ageMs < batchLaneBounds.missingGraceMs) return again(config.pollMinMs);
    if (isPastKeeping(batch, deps)) return lose(batch, deps, lease);
    log.event("batch.missing", { batchId: batch.id, providerId: batch.provider_id, ageMs });
    await raiseAlert(pool, {
      dedupeKey: `batch:${batch.id}:missing`,
      kind: "batch_missing",
      tenantId: batch.tenant_id,
      scope: "message_batch",
      target: batch.id,
      reason: batch.provider_id ?? "",
    });
    return again(config.pollMaxMs);
  }
  const retryAfterMs = end.kind === "error" ? (end.retryAfterMs ?? 0) : 0;
  log.event("provider.unavailable", { batchId: batch.id, end: end.kind, failures });
  return again(
    Math.min(config.pollMaxMs, Math.max(retryAfterMs, Math.ceil(backoffMs * (0.5 + deps.random() / 2)))),
  );
}

/** The key is accepted again. Credit and spend limits are only known by a call that costs. */
async function noteSuccess(sentAt: Date, { pool, credentialId }: BatchLaneDeps): Promise<void> {
  const credential = await readCredential(pool, credentialId);
  if (credential?.stopReason === "credential_refused")
    await resumeCredential(pool, credentialId, { sentAt, models: [] });
}
