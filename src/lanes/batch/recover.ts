// After a restore: the message batches that the provider has and the restored rows do not.
//
// A batch is ours if one of its lines bears the name of a job that is here; that can be read from its results only, so one that still
// runs must end first (it can be canceled, where the workspace is known to be ours alone). One of ours gets the rows it must have had:
// its lines are settled and their results stored by the ordinary ingest, so nothing that was paid is paid again. A batch that looks like
// one of Sluice's and whose jobs were all accepted after the backup may belong to another installation: a person has to say.
// Everybody else's is remembered as foreign and left alone.
//
// Batches that were being created when the backup was taken are not dealt with here but in doubt (restore/doubt-creations), and those
// that were known go on by themselves.

import { setTimeout as delay } from "node:timers/promises";
import { readResultLine } from "../../domain/batch-line.ts";
import type { LineResult } from "../../domain/batch-line.ts";
import { ServiceError } from "../../domain/errors.ts";
import type { ProviderBatch } from "../../domain/message-batch.ts";
import { findModel } from "../../domain/models.ts";
import { readCustomId } from "../../domain/pack.ts";
import { costNanoUsd, priceAt, readUsage, traitsOf, worstCostNanoUsd } from "../../domain/price.ts";
import { markFoundLate } from "../../postgres/message-batch-doubt.ts";
import { startLines, storeCreated } from "../../postgres/message-batches.ts";
import {
  bookTwin,
  noteForeign,
  readFoundBatch,
  readKnownJobs,
  writeFoundBatch,
} from "../../postgres/recover.ts";
import type { FoundLine, FoundSpend, KnownJob } from "../../postgres/recover.ts";
import { batchLaneBounds } from "./bounds.ts";
import type { BatchLaneDeps } from "./deps.ts";
import { listSince } from "./listing.ts";
import { splitLines } from "./split-lines.ts";

export type RecoverDeps = Pick<
  BatchLaneDeps,
  "pool" | "batches" | "clock" | "credentialId" | "log" | "newId"
>;

export interface RecoverTerms {
  readonly since: Date;
  /** Provider ids that a person calls ours, or somebody else's. */
  readonly ours: readonly string[];
  readonly foreign: readonly string[];
  /** Cancels what still runs and waits for its end, at most so long; 0 leaves it alone. */
  readonly cancelForMs: number;
}

export type RecoveredKind =
  /** Its rows are written; it is polled and harvested from here on. */
  | "adopted"
  | "foreign"
  /** A second batch under the name of one that is known by another id: its money is booked, its lines are counted as paid twice. */
  | "twin"
  /** Not ended: whose it is cannot be known yet. */
  | "running"
  /** It looks like one of Sluice's and none of its jobs is here. */
  | "unproved"
  /** Its results could not be read whole. */
  | "unread";

export interface RecoveredBatch {
  readonly providerId: string;
  readonly kind: RecoveredKind;
  readonly lines: number;
  /** What its paid lines cost, those of jobs accepted after the backup included; nano-dollars. */
  readonly costNano: bigint;
  /** Paid lines of jobs that are not here: their money is booked, their results are lost. */
  readonly lost: number;
}

/** Looks at every batch since then that no row claims. @throws ServiceError figures_unavailable when they cannot be listed */
export async function recoverBatches(deps: RecoverDeps, terms: RecoverTerms): Promise<RecoveredBatch[]> {
  const listing = await listSince(terms.since, deps);
  if (listing === null)
    throw new ServiceError("figures_unavailable", {
      detail: "The provider's message batches could not be listed.",
    });
  const fromMs = terms.since.getTime() - batchLaneBounds.clockSkewMs;
  // The oldest first: a line that came back from one and was sent in the next has its last attempt in the last.
  const unknown = listing.batches
    .filter(({ id, createdAt }) => !listing.claimed.has(id) && createdAt.getTime() >= fromMs)
    .toSorted((a, b) => a.createdAt.getTime() - b.createdAt.getTime());
  const recovered: RecoveredBatch[] = [];
  for (const batch of unknown) {
    // oxlint-disable-next-line no-await-in-loop -- one download at a time
    const found = await recoverOne(deps, batch, terms);
    deps.log.event("batch.recovered", { providerId: found.providerId, kind: found.kind, lines: found.lines });
    recovered.push(found);
  }
  return recovered;
}

async function recoverOne(
  deps: RecoverDeps,
  listed: ProviderBatch,
  terms: RecoverTerms,
): Promise<RecoveredBatch> {
  const nothing = { providerId: listed.id, lines: linesOf(listed), costNano: 0n, lost: 0 };
  if (terms.foreign.includes(listed.id)) {
    await noteForeign(deps.pool, deps.credentialId, listed.id);
    return { ...nothing, kind: "foreign" };
  }
  const batch = listed.status === "ended" ? listed : await end(deps, listed, terms.cancelForMs);
  if (batch === null) return { ...nothing, kind: "running" };
  const lines = await readLines(deps, batch);
  if (lines === null) return { ...nothing, kind: "unread" };
  if (lines.batchId === null) {
    await noteForeign(deps.pool, deps.credentialId, batch.id);
    return { ...nothing, kind: "foreign" };
  }
  return adopt(
    deps,
    batch,
    { batchId: lines.batchId, results: lines.results },
    terms.ours.includes(batch.id),
  );
}

const linesOf = ({ counts }: ProviderBatch): number =>
  counts.processing + counts.succeeded + counts.errored + counts.canceled + counts.expired;

/** Cancels and waits for the end; null when it has not come. */
async function end(deps: RecoverDeps, batch: ProviderBatch, forMs: number): Promise<ProviderBatch | null> {
  if (forMs === 0) return null;
  await deps.batches.cancel(batch.id);
  const untilMs = deps.clock.monotonicMs() + forMs;
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- one poll after the other
    const poll = await deps.batches.retrieve(batch.id);
    if (poll.kind === "answer" && poll.body?.status === "ended") return poll.body;
    if (deps.clock.monotonicMs() >= untilMs) return null;
    // oxlint-disable-next-line no-await-in-loop -- as above
    await delay(batchLaneBounds.recoverPollMs);
  }
}

interface NamedLines {
  readonly batchId: string;
  /** By job. */
  readonly results: ReadonlyMap<string, Priced>;
}

/** What is kept of a line: a batch has a hundred thousand. */
interface Priced {
  /** Null: it was paid, and nobody can say how much. */
  readonly nano: bigint | null;
  readonly model: string;
  readonly priceId: string;
  readonly cutAt: number | null;
}

/** The results of a batch whose lines bear our kind of names; `batchId` null where they do not, null when they are not all there. */
async function readLines(
  deps: RecoverDeps,
  batch: ProviderBatch,
): Promise<NamedLines | { batchId: null; results: null } | null> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), batchLaneBounds.downloadIdleMs);
  const results = new Map<string, Priced>();
  let batchId: string | null = null;
  try {
    const stream = await deps.batches.results(batch.id, controller.signal);
    if (stream.kind !== "stream") return null;
    const bytes = stream.body as ReadableStream<Uint8Array> & AsyncIterable<Uint8Array>;
    for await (const text of splitLines(bytes, batchLaneBounds.resultLineBytesMax)) {
      timer.refresh();
      const line = readResultLine(text);
      if (line === null) return null;
      const name = readCustomId(line.customId);
      if (name === null || (batchId !== null && name.batchId !== batchId))
        return { batchId: null, results: null };
      batchId = name.batchId;
      results.set(name.jobId, priced(line.result, batch.createdAt));
    }
  } catch {
    // A download that breaks off proves nothing; the next run begins it again.
    return null;
  } finally {
    clearTimeout(timer);
    controller.abort();
  }
  return batchId === null || results.size !== linesOf(batch) ? null : { batchId, results };
}

function priced(result: LineResult, createdAt: Date): Priced {
  if (result.type !== "succeeded") return { nano: 0n, model: "", priceId: "", cutAt: null };
  const said = result.message["model"];
  const model = typeof said === "string" ? (findModel(said)?.id ?? said) : "";
  const price = priceAt(model, createdAt.getTime());
  const usage = readUsage(result.message["usage"]);
  const cutAt = result.message["stop_reason"] === "max_tokens" ? (usage?.outputTokens ?? null) : null;
  if (price === undefined || usage === null) return { nano: null, model, priceId: price?.id ?? "", cutAt };
  return { nano: costNanoUsd(usage, { lane: "batch", price }), model, priceId: price.id, cutAt };
}

async function adopt(
  deps: RecoverDeps,
  batch: ProviderBatch,
  { batchId, results }: NamedLines,
  isOurs: boolean,
): Promise<RecoveredBatch> {
  const jobs = await readJobs(deps, [...results.keys()]);
  const row = await readFoundBatch(deps.pool, batchId);
  const answer = { providerId: batch.id, lines: results.size, costNano: 0n, lost: 0 };
  const isTwin = row !== undefined && row.provider_id !== null && row.provider_id !== batch.id;
  if (row !== undefined && !isTwin) return { ...answer, kind: await claim(deps, batch, row) };
  if (jobs.size === 0 && !isOurs && !isTwin) return { ...answer, kind: "unproved" };
  const known = [...jobs.values()].map((job) => foundLine(job, results.get(job.id), batch.createdAt));
  // A paid line that nobody can price, of a job that nobody knows, is booked as the dearest line of its batch.
  const dearest = [...known, ...results.values()].reduce(
    (most, { nano }) => (nano !== null && nano > most ? nano : most),
    0n,
  );
  const unknown = [...results].flatMap(([jobId, line]): FoundSpend[] =>
    jobs.has(jobId) || line.nano === 0n ? [] : [{ jobId, ...line, nano: line.nano ?? dearest }],
  );
  const costNano = [...known, ...unknown].reduce((sum, { nano }) => sum + nano, 0n);
  const found = { id: batchId, provider: batch, credentialId: deps.credentialId, known, unknown };
  if (isTwin) {
    await bookTwin(deps.pool, found);
    return { ...answer, kind: "twin", costNano };
  }
  await writeFoundBatch(deps.pool, {
    ...found,
    holdId: deps.newId(),
    lineCount: results.size,
    now: deps.clock.now(),
  });
  return { ...answer, kind: "adopted", costNano, lost: unknown.length };
}

async function readJobs(deps: RecoverDeps, ids: readonly string[]): Promise<Map<string, KnownJob>> {
  const jobs = new Map<string, KnownJob>();
  for (let from = 0; from < ids.length; from += batchLaneBounds.recoverJobsPerRead) {
    const chunk = ids.slice(from, from + batchLaneBounds.recoverJobsPerRead);
    // oxlint-disable-next-line no-await-in-loop -- one after the other keeps the statements small
    for (const job of await readKnownJobs(deps.pool, chunk)) jobs.set(job.id, job);
  }
  return jobs;
}

/** A line without a readable price is held at its worst case, at which its ingest books it. */
function foundLine(job: KnownJob, line: Priced | undefined, createdAt: Date): FoundLine {
  const price = priceAt(job.model, createdAt.getTime());
  const worst = (): bigint =>
    price === undefined
      ? 0n
      : worstCostNanoUsd({
          inputTokensMax: job.input_tokens_max,
          outputTokensMax: job.output_tokens_max,
          lane: "batch",
          price,
          traits: traitsOf(job),
        });
  const nano = line === undefined ? 0n : (line.nano ?? worst());
  return { job, jobId: job.id, model: job.model, priceId: price?.id ?? "", nano, cutAt: line?.cutAt ?? null };
}

/** A batch whose row is here, in doubt or given up: it has been found. */
async function claim(
  { pool, clock }: RecoverDeps,
  batch: ProviderBatch,
  row: NonNullable<Awaited<ReturnType<typeof readFoundBatch>>>,
): Promise<RecoveredKind> {
  const now = clock.now();
  if (row.state === "doubtful") {
    const terms = { batch, createTries: row.create_tries, adopted: true, dueAt: now, unproved: false };
    if (!(await storeCreated(pool, row.id, terms))) return "unproved";
    await startLines(pool, row.id);
    return "adopted";
  }
  if (row.state !== "void") return "unproved";
  return (await markFoundLate(pool, row.id, batch, { unproved: false, now })) === undefined
    ? "unproved"
    : "adopted";
}
