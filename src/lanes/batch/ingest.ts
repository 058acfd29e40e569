// The results of an ended message batch, from the provider's stream into rows.
//
// Lines are settled chunk by chunk, each chunk one idempotent transaction, while the next is read and parsed. A batch is ingested
// only when every row of a complete download has been seen, as many different ones as the provider counts, and none of its
// attempts is open: a download that was cut, even at a line end where nothing shows it, has fewer rows and is begun again. Dying
// half way costs a download; rows that are recorded stay, and recording them again changes nothing.
//
// Lines that were refused are recorded last: a model that answered others in the same batch is not held back for them.
//
// A line that may continue an earlier one of its job, in another batch, waits until that one has its end: both can be there at once only
// after a restore, and the later one alone would be half an answer. It waits at most until the earlier batch's results are given up.
//
// The results also prove whose batch it is. Names that Sluice did not give to this batch mean that an adopted one is a stranger's.

import { readResultLine } from "../../domain/batch-line.ts";
import { readCustomId } from "../../domain/pack.ts";
import { errorFields } from "../../observe/error-fields.ts";
import { reach } from "../../observe/points.ts";
import { ServiceError } from "../../domain/errors.ts";
import { resumeCredential } from "../../postgres/credentials.ts";
import { disown } from "../../postgres/message-batch-doubt.ts";
import { finishIngest, recordIngest } from "../../postgres/message-batch-lines.ts";
import { recordFailure, startLines } from "../../postgres/message-batches.ts";
import type { MessageBatch } from "../../postgres/message-batches.ts";
import { batchLaneBounds } from "./bounds.ts";
import { again, done } from "./deps.ts";
import type { BatchLaneDeps, StepEnd } from "./deps.ts";
import { isPastKeeping, lose } from "./lose.ts";
import { isRefused, recordLines } from "./record-lines.ts";
import type { ParsedLine } from "./record-lines.ts";
import { BrokenDownload, splitLines } from "./split-lines.ts";
import type { StepLease } from "./step-lease.ts";

/** Downloads, settles and counts. `signal` is aborted when the process drains: the step is left to the next process. */
export async function ingest(
  batch: MessageBatch,
  deps: BatchLaneDeps,
  lease: StepLease,
  signal: AbortSignal,
): Promise<StepEnd> {
  await startLines(deps.pool, batch.id);
  const progress: Progress = { seen: new Set(), answered: new Set(), refused: [], foreign: 0, waiting: 0 };
  try {
    await download(batch, { deps, lease, signal, progress });
  } catch (error) {
    return interrupted(batch, error, deps, { lease, signal });
  }
  if (progress.foreign > 0 && progress.seen.size === 0) return disownBatch(batch, deps, lease);
  const expected = batch.count_succeeded + batch.count_errored + batch.count_canceled + batch.count_expired;
  const complete = progress.seen.size === batch.line_count && expected === batch.line_count;
  if (complete) reach("batch.counted");
  if (complete && (await finishIngest(deps.pool, lease.holder, deps.clock.now(), progress.seen.size))) {
    reach("batch.ingested");
    await liftModels(batch, progress.answered, deps);
    deps.log.event("batch.ingested", { batchId: batch.id, lines: progress.seen.size });
    return done;
  }
  if (complete && progress.waiting > 0) {
    deps.log.event("batch.lines_wait", { batchId: batch.id, lines: progress.waiting });
    return again(await backoffMs(deps, lease));
  }
  deps.log.event("batch.recounted", {
    batchId: batch.id,
    rows: progress.seen.size,
    expected,
    lines: batch.line_count,
    foreign: progress.foreign,
  });
  return again(await backoffMs(deps, lease));
}

/** What has answered a batch created since its refusal is allowed again. */
async function liftModels(
  { create_started_at: sentAt }: MessageBatch,
  answered: ReadonlySet<string>,
  { pool, credentialId }: BatchLaneDeps,
): Promise<void> {
  if (sentAt !== null && answered.size > 0)
    await resumeCredential(pool, credentialId, { sentAt, models: [...answered] });
}

interface Progress {
  /** Jobs whose line was in this download. */
  readonly seen: Set<string>;
  /** Models that answered in it. */
  readonly answered: Set<string>;
  /** Lines that were refused: they are recorded last, when it is known which models answered. */
  readonly refused: ParsedLine[];
  /** Lines with names that are not of this batch. */
  foreign: number;
  /** Lines whose turn has not come. */
  waiting: number;
}

interface Download {
  readonly deps: BatchLaneDeps;
  readonly lease: StepLease;
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

/** Reads the whole stream; one chunk is recorded while the next one is parsed. */
async function download(batch: MessageBatch, { deps, lease, signal, progress }: Download): Promise<void> {
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  if (signal.aborted) throw new Interrupted();
  signal.addEventListener("abort", stop, { once: true });
  const recording: Promise<void>[] = [];
  const record = async (lines: readonly ParsedLine[]): Promise<void> => {
    if (!lease.isAlive()) throw new Interrupted();
    reach("batch.chunk_read");
    const { paidTwice, answered, waiting } = await recordLines(batch, lines, {
      ...deps,
      answered: progress.answered,
    });
    progress.waiting += waiting;
    reach("batch.chunk_recorded");
    for (const model of answered) progress.answered.add(model);
    for (const { jobId } of lines) progress.seen.add(jobId);
    if (!(await recordIngest(deps.pool, lease.holder, progress.seen.size, paidTwice)))
      throw new Interrupted();
  };
  try {
    const end = await deps.batches.results(batch.provider_id ?? "", controller.signal);
    if (end.kind !== "stream") throw new BrokenDownload("unavailable");
    for await (const chunk of chunksOf(batch.id, watchSilence(end.body, stop), progress)) {
      if (recording.length >= batchLaneBounds.ingestChunksInFlight) await recording.shift();
      const refused = chunk.filter((line) => isRefused(line));
      progress.refused.push(...refused);
      const recorded = record(refused.length === 0 ? chunk : chunk.filter((line) => !isRefused(line)));
      // A chunk that fails is heard where it is awaited; until then it must not count as unhandled.
      recorded.catch(() => undefined);
      recording.push(recorded);
    }
    await Promise.all(recording);
    const { ingestChunkLines } = batchLaneBounds;
    for (let from = 0; from < progress.refused.length; from += ingestChunkLines)
      // oxlint-disable-next-line no-await-in-loop -- chunk after chunk keeps transactions short
      await record(progress.refused.slice(from, from + ingestChunkLines));
  } finally {
    signal.removeEventListener("abort", stop);
    controller.abort();
    await Promise.allSettled(recording);
  }
}

/** The step ends here, and not by any fault of the download. */
class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/** Parsed lines in chunks bounded by number and bytes. */
async function* chunksOf(
  batchId: string,
  stream: AsyncIterable<Uint8Array>,
  progress: Progress,
): AsyncGenerator<ParsedLine[]> {
  let chunk: ParsedLine[] = [];
  let bytes = 0;
  for await (const text of splitLines(stream, batchLaneBounds.resultLineBytesMax)) {
    const line = readResultLine(text);
    if (line === null) throw new BrokenDownload("not_a_result");
    const name = readCustomId(line.customId);
    if (name?.batchId !== batchId) {
      progress.foreign += 1;
      continue;
    }
    chunk.push({ jobId: name.jobId, result: line.result });
    bytes += text.length;
    if (chunk.length < batchLaneBounds.ingestChunkLines && bytes < batchLaneBounds.ingestChunkBytes) continue;
    yield chunk;
    chunk = [];
    bytes = 0;
  }
  if (chunk.length > 0) yield chunk;
}

/** Ends a download that has gone silent: a body has no deadline of its own. */
async function* watchSilence(
  body: ReadableStream<Uint8Array>,
  giveUp: () => void,
): AsyncGenerator<Uint8Array> {
  const timer = setTimeout(giveUp, batchLaneBounds.downloadIdleMs);
  try {
    for await (const chunk of body as ReadableStream<Uint8Array> & AsyncIterable<Uint8Array>) {
      timer.refresh();
      yield chunk;
    }
  } finally {
    clearTimeout(timer);
  }
}

async function interrupted(
  batch: MessageBatch,
  error: unknown,
  deps: BatchLaneDeps,
  { lease, signal }: { lease: StepLease; signal: AbortSignal },
): Promise<StepEnd> {
  if (error instanceof ServiceError) throw error;
  if (error instanceof Interrupted || signal.aborted || !lease.isAlive()) return again(0);
  const why = error instanceof BrokenDownload ? error.why : "connection";
  deps.log.event("batch.download_failed", { batchId: batch.id, why, ...errorFields(error) });
  if (why === "unavailable" && (await areGone(batch, deps))) return lose(batch, deps, lease);
  return again(await backoffMs(deps, lease));
}

/** Whether results that are not there will never be: too old, or the provider says so. */
async function areGone(batch: MessageBatch, deps: BatchLaneDeps): Promise<boolean> {
  if (isPastKeeping(batch, deps)) return true;
  const end = await deps.batches.retrieve(batch.provider_id ?? "");
  return end.kind === "answer" && end.body?.archived === true;
}

/** Waits longer after each failure in a row, up to the longest poll interval. */
async function backoffMs({ pool, config }: BatchLaneDeps, lease: StepLease): Promise<number> {
  const failures = await recordFailure(pool, lease.holder);
  return Math.min(config.pollMaxMs, config.pollMinMs * 2 ** Math.min(failures - 1, 20));
}

/** What was adopted is a stranger's: it is remembered as that, and ours is as unknown as before. */
async function disownBatch(batch: MessageBatch, deps: BatchLaneDeps, lease: StepLease): Promise<StepEnd> {
  const to = batch.error_code === "found_late" ? "void" : "doubtful";
  try {
    if (!(await disown(deps.pool, lease.holder, to, deps.clock.now()))) return done;
  } catch (error) {
    // Another batch in doubt has the same number of lines: this one waits until that is resolved.
    if (!isTakenCount(error)) throw error;
    return again(deps.config.pollMaxMs);
  }
  deps.log.event("batch.disowned", { batchId: batch.id, providerId: batch.provider_id, to });
  return to === "void" ? done : again(0);
}

const isTakenCount = (error: unknown): boolean =>
  error instanceof Error && "constraint" in error && error.constraint === "message_batches_open_count";
