// Writing an upload: the bulk's row, its jobs in chunks, the lines that were left out, and the word to the lanes. One transaction
// around all of it is the caller's (src/intake/submit.ts).
import { type Caps, namedCaps } from "../domain/caps.ts";
import type { RenderedRequest } from "../domain/rendered-request.ts";
import type { Lane } from "../domain/job.ts";
import type { Urgency } from "../domain/job-type.ts";
import type { Client, Database } from "./pool.ts";
import { query, queryOne, type RowOf } from "./query.ts";

const insertBulkRow = query("bulks/insert");
const sealRow = query("bulks/seal");
const insertJobRows = query("intake/insert-jobs");
const insertErrorRows = query("intake/insert-errors");
const errorRows = query("intake/errors");
const retrySourceRows = query("intake/retry-source");
const allowPausesRow = queryOne("intake/allow-pauses");

export interface NewBulk {
  readonly id: string;
  readonly tenantId: string;
  readonly queueId: string;
  readonly jobType: string;
  /** Canonical JSON text of what all lines share, or null. */
  readonly shared: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly onInvalid: "reject" | "skip";
  readonly single: boolean;
  readonly retryOf: string | null;
  readonly createdBy: string;
  readonly expiresAt: Date;
  readonly caps: Caps;
}

export async function insertBulk(client: Client, bulk: NewBulk): Promise<void> {
  await insertBulkRow(client, [
    bulk.id,
    bulk.tenantId,
    bulk.queueId,
    bulk.jobType,
    bulk.shared,
    JSON.stringify(bulk.labels),
    bulk.onInvalid,
    bulk.single,
    bulk.retryOf,
    bulk.createdBy,
    bulk.expiresAt,
    JSON.stringify(namedCaps(bulk.caps)),
  ]);
}

/** What all jobs of a bulk have in common. */
export interface JobsOf {
  readonly bulkId: string;
  readonly tenantId: string;
  readonly queueId: string;
  readonly jobType: string;
  readonly attemptsMax: number;
  /** A job past its deadline ends `expired`. */
  readonly expiresAtDeadline: boolean;
  /** Every attempt asks for the declared `max_tokens`: caps leave no attempt to spare for an answer that was cut. */
  readonly fullCap: boolean;
}

export interface NewJob {
  readonly id: string;
  readonly line: number;
  readonly key: string | null;
  readonly lane: Lane;
  readonly urgency: Urgency;
  readonly deadlineAt: Date | null;
  readonly priority: number;
  /** Whether it may go to the batch lane where a ceiling binds: see domain/lane.ts. */
  readonly mayWait: boolean;
  /** JSON text, where the job's labels differ from the bulk's. */
  readonly labels: string | null;
  readonly retryOf: string | null;
  /** Canonical JSON text of the input. */
  readonly input: string;
  readonly request: Omit<RenderedRequest, "params">;
  /** Of the request's parameters, in hex. */
  readonly requestSha256: string;
  /** The most one attempt can cost, nano-dollars; not stored by job, but summed up on the bulk. */
  readonly worstNano: bigint;
}

/** Stores a chunk of jobs and answers the lines that were left out because their key is taken. */
export async function insertJobs(client: Client, of: JobsOf, jobs: readonly NewJob[]): Promise<number[]> {
  if (jobs.length === 0) return [];
  const { rows } = await insertJobRows(client, [
    of.bulkId,
    of.tenantId,
    of.queueId,
    of.jobType,
    of.attemptsMax,
    of.expiresAtDeadline,
    jobs.map((job) => job.id),
    jobs.map((job) => job.line),
    jobs.map((job) => job.key),
    jobs.map((job) => job.lane),
    jobs.map((job) => job.urgency),
    jobs.map((job) => job.deadlineAt),
    jobs.map((job) => job.priority),
    jobs.map((job) => job.labels),
    jobs.map((job) => job.request.model),
    jobs.map((job) => job.request.version),
    jobs.map((job) => job.request.bytes),
    jobs.map((job) => job.requestSha256),
    jobs.map((job) => job.request.inputTokensMax),
    jobs.map((job) => job.request.outputTokensMax),
    jobs.map((job) => job.request.traits.cacheWrite),
    jobs.map((job) => job.request.traits.mayRunInUs),
    jobs.map((job) => job.retryOf),
    jobs.map((job) => job.input),
    jobs.map((job) => job.mayWait),
    jobs.map((job) => job.request.traits.webSearchesMax),
    of.fullCap,
  ]);
  return rows.map((row) => row.line);
}

export interface LineError {
  readonly line: number;
  readonly field: string;
  readonly reason: string;
}

/** Remembers why lines were left out; several errors of one line are numbered in their order. */
export async function insertErrors(
  client: Client,
  bulk: { id: string; tenantId: string },
  errors: readonly (LineError & { n: number })[],
): Promise<void> {
  if (errors.length === 0) return;
  await insertErrorRows(client, [
    bulk.id,
    bulk.tenantId,
    errors.map((error) => error.line),
    errors.map((error) => error.n),
    errors.map((error) => error.field),
    errors.map((error) => error.reason),
  ]);
}

/** Ends an upload: its counts, and word to the lanes with the commit. */
export async function sealBulk(
  client: Client,
  bulk: {
    id: string;
    accepted: number;
    invalid: number;
    deadlineSweepAt: Date | null;
    worstNano: bigint;
    /** waiting: nothing of it starts before another person has confirmed. */
    approval: "waiting" | null;
    /** Beyond one attempt of every line; null: no such cap. */
    left: { attempts: number | null; tokens: number | null };
  },
): Promise<void> {
  const { id, accepted, invalid, deadlineSweepAt, worstNano, approval, left } = bulk;
  const [attemptsLeft, tokensLeft] = [left.attempts, left.tokens].map((each) =>
    each === null ? null : BigInt(each),
  );
  await sealRow(client, [
    id,
    accepted,
    invalid,
    deadlineSweepAt,
    worstNano,
    approval,
    attemptsLeft ?? null,
    tokensLeft ?? null,
  ]);
}

/** Lets the transaction be idle for up to `timeoutMs` between two statements. */
export async function allowPauses(client: Client, timeoutMs: number): Promise<void> {
  await allowPausesRow(client, [String(timeoutMs)]);
}

export type BulkErrorRow = RowOf<"intake/errors">;

/** Errors of a skip upload after the one given, in order. */
export async function readErrors(
  database: Database,
  bulkId: string,
  page: { after: { line: number; n: number }; rowsMax: number },
): Promise<BulkErrorRow[]> {
  return (await errorRows(database, [bulkId, page.after.line, page.after.n, page.rowsMax])).rows;
}

export type RetrySourceRow = RowOf<"intake/retry-source">;

/** Jobs of a bulk with these outcomes and their inputs, on the lines after one and up to another, in order. */
export async function readRetrySource(
  database: Database,
  bulkId: string,
  page: { outcomes: readonly string[]; after: number; to: number; rowsMax: number },
): Promise<RetrySourceRow[]> {
  return (await retrySourceRows(database, [bulkId, page.outcomes, page.after, page.to, page.rowsMax])).rows;
}
