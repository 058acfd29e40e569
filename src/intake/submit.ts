// A submission becomes rows: bulk, jobs, inputs, and what was left out, in one transaction. All of it is committed before the
// caller hears 202, or none of it exists.
//
// Two shapes of the same thing. A small upload is read to its end first and holds a database connection for a few statements
// only. One that outgrows a chunk opens its transaction then and keeps it while the rest streams in: the next chunk is parsed
// while the one before it is being written, one in flight, so a fast caller waits for the database and memory stays flat. Such
// uploads are bounded in number, or slow callers would take every connection of the pool.
//
// When the caller leaves half way, the body throws, the transaction is rolled back and nothing was accepted.
import type { Clock } from "../domain/clock.ts";
import type { CompiledJobType } from "../domain/compile-job-type.ts";
import { limits } from "../config/limits.ts";
import { type Caps, capsAttempts, leftBeyond } from "../domain/caps.ts";
import { reach } from "../observe/points.ts";
import {
  allowPauses,
  insertBulk,
  insertErrors,
  insertJobs,
  sealBulk,
  type LineError,
} from "../postgres/intake.ts";
import { type Client, type Pool, withTransaction } from "../postgres/pool.ts";
import type { Queue } from "../postgres/queues.ts";
import { capsOf } from "./caps.ts";
import type { Choices } from "./choose.ts";
import type { Labels } from "./line-schema.ts";
import { fill, openUpload, refuseIfInvalid } from "./gather.ts";
import type { Line, Upload } from "./upload.ts";
import type { Slots } from "./slots.ts";

export interface IntakeDeps {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly settings: {
    readonly attemptsMax: number;
    readonly jobAgeMaxMs: number;
    readonly batchDeadlineMinMs: number;
  };
  /** Uploads that may hold a connection at once. */
  readonly uploads: Slots;
}

export interface Submission {
  readonly tenantId: string;
  readonly createdBy: string;
  readonly queue: Queue;
  readonly jobType: CompiledJobType;
  readonly onInvalid: "reject" | "skip";
  /** One job, submitted by itself. */
  readonly single: boolean;
  readonly choices: Choices;
  readonly labels: Labels;
  /** What the caller caps beyond the job type. */
  readonly caps?: Caps | undefined;
  /** What the lines share, where it is known before them. */
  readonly shared?: unknown;
  readonly retryOf?: string;
  /** Lines in the order they came, some at a time. */
  readonly lines: AsyncIterable<readonly Line[]>;
}

export interface Submitted {
  readonly bulkId: string;
  readonly jobId: string | null;
  readonly accepted: number;
  readonly invalid: number;
  readonly errors: readonly LineError[];
  /** waiting: it was accepted, and nothing of it starts before another person has confirmed. */
  readonly approval: "waiting" | null;
}

/** Whether a second person must confirm a bulk of this worst case in this queue. */
export const needsApproval = ({ approveAboveNano }: Queue, worstNano: bigint): boolean =>
  approveAboveNano !== null && worstNano > approveAboveNano;

/** Work that belongs into the same transaction, after everything has been written and before the commit. */
export type Seal = (client: Client, submitted: Submitted) => Promise<void>;

/**
 * Accepts a submission.
 * @throws ServiceError invalid_lines | empty_upload | invalid_input | price_unknown | unbounded_cost | cap_exceeded | too_many_requests, and
 *   what reading the lines throws: nothing was accepted then
 */
export async function submit(deps: IntakeDeps, submission: Submission, seal: Seal): Promise<Submitted> {
  const now = deps.clock.now();
  const upload = openUpload(deps, submission, now);
  const lines = submission.lines[Symbol.asyncIterator]();
  const ended = await fill(upload, lines);
  const free = ended ? () => undefined : deps.uploads.take();
  try {
    if (ended && upload.invalid > 0 && submission.onInvalid === "reject") refuseIfSure(upload, submission);
    const submitted = await withTransaction(deps.pool, (client) =>
      write(deps, { submission, upload, lines, ended, now }, client, seal),
    );
    reach("intake.committed");
    return submitted;
  } finally {
    free();
    // Tells the body that nobody reads on, wherever this ended.
    await lines.return?.();
  }
}

interface Writing {
  readonly submission: Submission;
  readonly upload: Upload;
  readonly lines: AsyncIterator<readonly Line[]>;
  readonly ended: boolean;
  readonly now: Date;
}

async function write(deps: IntakeDeps, writing: Writing, client: Client, seal: Seal): Promise<Submitted> {
  const { submission, upload, lines } = writing;
  const { queue, jobType, tenantId } = submission;
  const bulkId = deps.newId();
  const caps = capsOf(deps, submission);
  const ageMs = queue.jobAgeMaxS === null ? deps.settings.jobAgeMaxMs : queue.jobAgeMaxS * 1_000;
  await insertBulk(client, {
    id: bulkId,
    tenantId,
    queueId: queue.id,
    jobType: jobType.name,
    shared: upload.shared,
    labels: submission.labels,
    onInvalid: submission.onInvalid,
    single: submission.single,
    retryOf: submission.retryOf ?? null,
    createdBy: submission.createdBy,
    caps,
    expiresAt: new Date(writing.now.getTime() + ageMs),
  });
  const of = {
    bulkId,
    tenantId,
    queueId: queue.id,
    jobType: jobType.name,
    attemptsMax: caps.attemptsMax,
    expiresAtDeadline: jobType.expiresAtDeadline,
    fullCap: capsAttempts(caps),
  };
  let firstJob: string | null = null;
  const store = async (): Promise<void> => {
    const jobs = upload.takeJobs();
    firstJob ??= jobs[0]?.id ?? null;
    upload.counted(jobs, await insertJobs(client, of, jobs));
    const errors = upload.takeErrors();
    if (submission.onInvalid === "skip") await insertErrors(client, { id: bulkId, tenantId }, errors);
  };
  if (!writing.ended) await allowPauses(client, limits.bodyIdleTimeoutMs + limits.idleInTransactionTimeoutMs);
  await storeAll(upload, lines, store, writing.ended);
  refuseIfInvalid(upload, submission);
  const { accepted, invalid } = upload;
  const { worstNano, deadlineSweepAt } = upload;
  const approval = needsApproval(queue, worstNano) ? ("waiting" as const) : null;
  const left = leftBeyond(upload.load, caps);
  await sealBulk(client, { id: bulkId, accepted, invalid, deadlineSweepAt, worstNano, approval, left });
  const submitted = { bulkId, jobId: firstJob, accepted, invalid, errors: upload.inlineErrors, approval };
  await seal(client, submitted);
  reach("intake.written");
  return submitted;
}

/** Writes chunk after chunk; while one is being written the next is filled. */
async function storeAll(
  upload: Upload,
  lines: AsyncIterator<readonly Line[]>,
  store: () => Promise<void>,
  endedAlready: boolean,
): Promise<void> {
  let ended = endedAlready;
  while (!ended) {
    const storing = store();
    // If filling fails first, its error is the one to report; the statement still ends before the rollback.
    storing.catch(() => undefined);
    // oxlint-disable-next-line no-await-in-loop -- one chunk is filled while one is written
    ended = await fill(upload, lines);
    // oxlint-disable-next-line no-await-in-loop
    await storing;
    reach("intake.chunk_written");
  }
  await store();
}

/** A single invalid job needs no database to be refused. More lines do: only there duplicates of keys are found. */
function refuseIfSure(upload: Upload, submission: Submission): void {
  if (submission.single) refuseIfInvalid(upload, submission);
}
