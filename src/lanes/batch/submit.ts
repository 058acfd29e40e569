// From an intent to a message batch at the provider, or back. The one step that spends money.
//
// Before the first byte `creating` is committed with a lease; whoever dies after that leaves a batch in doubt, never a blind
// repetition. How the call ended decides, and only these ends are certain:
//   accepted       the provider's id is stored at once, in a statement of its own; lines follow
//   never whole    the gate was shut, nothing was connected, or the body broke off before its promised length
//   refused        an error answer that comes from the door (see refusalOf)
// Everything else is doubt: the hold stays, the lines stay, and resolve.ts looks for the batch in the provider's listing.

import type { AttemptOutcome } from "../../domain/attempt.ts";
import { refusalOf } from "../../domain/message-batch.ts";
import type { ProviderBatch } from "../../domain/message-batch.ts";
import { batchRefused, bodyBytes, mixedRefused } from "../../domain/pack.ts";
import { requestForbidden } from "../../domain/refused-models.ts";
import { reach } from "../../observe/points.ts";
import {
  readCredential,
  readForbidden,
  refuseModel,
  resumeCredential,
  stopCredential,
} from "../../postgres/credentials.ts";
import { proveBatch } from "../../postgres/message-batch-doubt.ts";
import {
  doubtCreate,
  markDissolving,
  returnIntent,
  startCreate,
  startLines,
  storeCreated,
} from "../../postgres/message-batches.ts";
import type { MessageBatch } from "../../postgres/message-batches.ts";
import { readLinePlan, readLineScopes } from "../../postgres/message-batch-lines.ts";
import type { CallEnd } from "../../provider/call-end.ts";
import { createBatchBody } from "./body.ts";
import type { BatchBody, BodyFault } from "./body.ts";
import { batchLaneBounds } from "./bounds.ts";
import { again, done } from "./deps.ts";
import type { BatchLaneDeps, StepEnd } from "./deps.ts";
import { dissolve, reasonOf } from "./dissolve.ts";
import type { DissolveReason } from "./dissolve.ts";
import { reviveLate } from "./resolve.ts";
import { leaseTime } from "./step-lease.ts";
import type { StepLease } from "./step-lease.ts";

/** Sends an intent, or dissolves it. */
export async function submit(batch: MessageBatch, deps: BatchLaneDeps, lease: StepLease): Promise<StepEnd> {
  if (batch.error_code !== null) return dissolve(batch, reasonOf(batch.error_code), deps, lease);
  const plan = await readLinePlan(deps.pool, batch.id);
  const scopes = await readLineScopes(deps.pool, batch.id);
  const obstacle = await obstacleTo(batch, { plan, scopes }, deps);
  if (obstacle === "no_permission") return again(batchLaneBounds.createRetryMs);
  if (obstacle !== null) return sendBack(batch, obstacle, deps, lease);

  const asked = leaseTime(deps.clock, deps.leaseMs);
  const createTries = await startCreate(deps.pool, lease.holder, asked.now, asked.until);
  // Canceled in this very moment: the next step sees it.
  if (createTries === undefined) return again(0);
  lease.extend(asked);
  reach("batch.create_started");
  const body = createBatchBody(deps, { batchId: batch.id, plan, isAlive: () => lease.isAlive() });
  const end = await deps.batches.create(body.stream, Number(batch.body_bytes), {
    scopes,
    deadlineMs: deps.config.batchCreateTimeoutMs,
  });
  const models = [...new Set(scopes.map(({ model }) => model))];
  const jobIds = plan.length === 1 ? plan.map((line) => line.job_id) : [];
  return settle({ batch, createTries, body, end, models, jobIds }, deps, lease);
}

type Plan = Awaited<ReturnType<typeof readLinePlan>>;
type Scopes = Awaited<ReturnType<typeof readLineScopes>>;

/** What stands against sending this intent now; `no_permission` passes by itself. */
async function obstacleTo(
  batch: MessageBatch,
  { plan, scopes }: { plan: Plan; scopes: Scopes },
  deps: BatchLaneDeps,
): Promise<DissolveReason | "no_permission" | null> {
  if (
    batch.cancel_requested_at !== null ||
    plan.length !== batch.line_count ||
    plan.some((line) => !line.wanted)
  )
    return "lines_changed";
  if (bodyBytes(plan.map((line) => ({ requestBytes: line.request_bytes }))) !== Number(batch.body_bytes))
    return "request_changed";
  const shut = scopes.map((scope) => deps.gate(scope)).find((verdict) => !verdict.open);
  if (shut?.open === false) return shut.why;
  const credential = await readCredential(deps.pool, deps.credentialId);
  const stoppedMs = credential?.stoppedAt
    ? deps.clock.now().getTime() - credential.stoppedAt.getTime()
    : Infinity;
  if (stoppedMs < batchLaneBounds.credentialProbeMs) return "credential";
  // Refused since the lines were chosen.
  const refused = scopes.some(({ model }) => {
    const refusal = credential?.refusedModels.get(model);
    return refusal !== undefined && refusal.refusedAt > batch.created_at;
  });
  return refused ? "credential" : null;
}

async function sendBack(
  batch: MessageBatch,
  reason: DissolveReason,
  deps: BatchLaneDeps,
  lease: StepLease,
): Promise<StepEnd> {
  return (await markDissolving(deps.pool, lease.holder, reason))
    ? dissolve(batch, reason, deps, lease)
    : done;
}

interface Creation {
  readonly batch: MessageBatch;
  readonly createTries: number;
  readonly body: BatchBody;
  readonly end: CallEnd<ProviderBatch | undefined>;
  /** The models its lines name. */
  readonly models: readonly string[];
  /** Its job, if it is one alone. */
  readonly jobIds: readonly string[];
}

/** Writes down how the creation ended. */
async function settle(creation: Creation, deps: BatchLaneDeps, lease: StepLease): Promise<StepEnd> {
  const { batch, createTries, body, end } = creation;
  const fields = { batchId: batch.id, createTries };
  if (end.kind === "answer" && end.body !== undefined)
    return accept({ ...creation, found: end.body, sentAt: end.sentAt }, deps, lease);
  const returned = (await isForbidden(creation, deps))
    ? { reason: requestForbidden, code: requestForbidden }
    : returnOf(end, body, creation.models.length > 1);
  if (returned !== null) {
    const { reason, code } = returned;
    if (reason === "credential" && end.kind === "error") {
      if (await noteRefusal(end.outcome, creation, deps))
        deps.log.event("provider.credential_refused", {
          ...fields,
          outcome: end.outcome,
          status: end.status,
        });
    }
    deps.log.event("batch.create_refused", { ...fields, reason: code });
    const waitMs = reason === null ? retryMs(createTries, end, deps) : 0;
    const dueAt = new Date(deps.clock.now().getTime() + waitMs);
    await returnIntent(deps.pool, batch.id, { createTries, dueAt, errorCode: reason });
    return again(waitMs);
  }
  deps.log.event("batch.doubtful", {
    ...fields,
    end: end.kind,
    status: end.kind === "error" || end.kind === "answer" ? end.status : undefined,
  });
  await doubtCreate(deps.pool, batch.id, createTries, deps.clock.now());
  return again(0);
}

/** Whether its one line is refused for what it asks, and not for its model: see domain/refused-models.ts. */
async function isForbidden({ end, jobIds }: Creation, { pool }: BatchLaneDeps): Promise<boolean> {
  if (end.kind !== "error" || end.outcome !== "model_refused") return false;
  return (await readForbidden(pool, jobIds)).size > 0;
}

/** A refusal that may be meant for the model holds that back, the one the batch names; any other stops the key. Answers whether the key is stopped. */
async function noteRefusal(
  outcome: AttemptOutcome,
  { models, jobIds }: Creation,
  { pool, credentialId, clock, log }: BatchLaneDeps,
): Promise<boolean> {
  const [model] = models;
  if (outcome === "model_refused" && model !== undefined) {
    log.event("provider.model_refused", { credentialId, model });
    return refuseModel(pool, credentialId, { model, now: clock.now(), jobIds });
  }
  await stopCredential(pool, credentialId, outcome);
  return true;
}

/** The provider has it: the id first, in its own commit, since from here on it costs money whatever happens to us. */
async function accept(
  { batch, createTries, found, sentAt }: Creation & { found: ProviderBatch; sentAt: Date },
  deps: BatchLaneDeps,
  lease: StepLease,
): Promise<StepEnd> {
  reach("batch.create_answered");
  const dueAt = new Date(deps.clock.now().getTime() + deps.config.pollMinMs);
  const stored = await storeCreated(deps.pool, batch.id, {
    batch: found,
    createTries,
    adopted: false,
    dueAt,
    unproved: false,
  });
  deps.log.event("batch.created", {
    batchId: batch.id,
    providerId: found.id,
    lines: batch.line_count,
    stored,
  });
  if (!stored) {
    // Others have given it up meanwhile, or adopted it themselves: our own answer says which it is.
    await proveBatch(deps.pool, batch.id, found.id, deps.clock.now());
    await reviveLate(batch.id, found, { deps, unproved: false });
    return done;
  }
  reach("batch.create_stored");
  if (!lease.isAlive()) return done;
  await startLines(deps.pool, batch.id);
  // That it was taken says nothing of each model: lines are judged one by one.
  await resumeCredential(deps.pool, deps.credentialId, { sentAt, models: [] });
  return again(deps.config.pollMinMs);
}

interface Returned {
  /** Why it is dissolved; null: the same intent is sent again. */
  readonly reason: DissolveReason | null;
  /** For the log. */
  readonly code: string;
}

const faultReasons: Record<BodyFault, DissolveReason | null> = {
  request_changed: "request_changed",
  lease_lost: null,
  rows_unavailable: null,
};

/** How an intent comes back that certainly created nothing; null: that is not certain. */
function returnOf(end: Creation["end"], body: BatchBody, isMixed: boolean): Returned | null {
  switch (end.kind) {
    case "shut":
      return { reason: end.verdict.why === "no_permission" ? null : end.verdict.why, code: end.verdict.why };
    case "lost":
      // A body that was handed over whole may have arrived, whatever the failure is called.
      return end.outcome === "not_sent" && !body.isComplete()
        ? { reason: null, code: "not_sent" }
        : brokenOff(body, end.outcome);
    case "error":
      return refusedOf(end.status, end.outcome, isMixed) ?? brokenOff(body, end.outcome);
    case "answer":
      // Accepted by all appearances, and the answer cannot be read.
      return null;
    default:
      return end satisfies never;
  }
}

/** The request was never whole: nothing can have come of it, whatever the answer was. */
function brokenOff(body: BatchBody, code: string): Returned | null {
  if (body.isComplete()) return null;
  const fault = body.fault();
  return { reason: fault === null ? null : faultReasons[fault], code: fault ?? code };
}

function refusedOf(status: number, outcome: AttemptOutcome, isMixed: boolean): Returned | null {
  const refusal = refusalOf(status, outcome);
  if (refusal === "unknown") return null;
  // Nothing is held back for it: packs of one model each will say which it was, and two of those stop the key.
  if (outcome === "model_refused" && isMixed) return { reason: mixedRefused, code: outcome };
  const reasons = { later: null, credential: "credential", refused: batchRefused } as const;
  return { reason: reasons[refusal], code: outcome };
}

/** Waits longer each time, as long as the longest poll; a `retry-after` is followed up to its cap. */
function retryMs(createTries: number, end: Creation["end"], { config, random }: BatchLaneDeps): number {
  if (end.kind === "shut") return batchLaneBounds.createRetryMs;
  const boundMs = Math.min(
    config.pollMaxMs,
    batchLaneBounds.createRetryMs * 2 ** Math.min(createTries - 1, 20),
  );
  const asked = end.kind === "error" ? Math.min(end.retryAfterMs ?? 0, config.retryAfterMaxMs) : 0;
  return asked + Math.ceil(boundMs * (0.5 + random() / 2));
}
