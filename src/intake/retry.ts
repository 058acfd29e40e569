// Trying jobs of a finished or running bulk again: a new bulk of new jobs, made of the stored inputs, checked as any upload is.
// Lines and keys stay those of the origin, so the results of a retry can be laid over the results of what it repeats. A deadline
// is not taken over: it was chosen for another moment, and has usually passed.
import { limits } from "../config/limits.ts";
import type { Caps } from "../domain/caps.ts";
import type { CompiledJobType } from "../domain/compile-job-type.ts";
import { ServiceError } from "../domain/errors.ts";
import type { FinalState } from "../domain/job.ts";
import { readRetrySource, type RetrySourceRow } from "../postgres/intake.ts";
import { readLastLine } from "../postgres/bulks.ts";
import type { Pool } from "../postgres/pool.ts";
import { pagesByRange } from "../postgres/ranges.ts";
import type { Queue } from "../postgres/queues.ts";
import { type Labels, readLabels } from "./line-schema.ts";
import { type IntakeDeps, type Seal, submit, type Submitted } from "./submit.ts";
import type { Line } from "./upload.ts";

export interface RetryWish {
  readonly tenantId: string;
  readonly createdBy: string;
  readonly queue: Queue;
  readonly jobType: CompiledJobType;
  readonly origin: {
    readonly id: string;
    readonly shared: string | null;
    readonly labels: Labels;
    readonly caps: Caps;
  };
  readonly outcomes: readonly FinalState[];
}

/**
 * Submits the jobs of a bulk with these outcomes again. An input that today's rules refuse is left out and named.
 * @throws ServiceError conflict if no job has one of the outcomes; what submit throws
 */
export async function retryBulk(deps: IntakeDeps, wish: RetryWish, seal: Seal): Promise<Submitted> {
  const { origin } = wish;
  const shared: unknown = origin.shared === null ? undefined : JSON.parse(origin.shared);
  try {
    return await submit(
      deps,
      {
        ...wish,
        onInvalid: "skip",
        single: false,
        choices: {},
        labels: origin.labels,
        caps: origin.caps,
        shared,
        retryOf: origin.id,
        lines: retryLines(deps.pool, origin.id, wish.outcomes),
      },
      seal,
    );
  } catch (error) {
    if (!(error instanceof ServiceError) || error.code !== "empty_upload") throw error;
    const detail = `No job of this bulk ended as ${wish.outcomes.join(", ")}.`;
    throw new ServiceError("conflict", { detail });
  }
}

async function* retryLines(
  pool: Pool,
  bulkId: string,
  outcomes: readonly FinalState[],
): AsyncGenerator<Line[]> {
  const rowsMax = limits.resultRowsPerFetch;
  const pages = pagesByRange({
    after: 0,
    last: await readLastLine(pool, bulkId),
    rowsMax,
    read: (after, to) => readRetrySource(pool, bulkId, { outcomes, after, to, rowsMax }),
    numberOf: (row) => row.line,
  });
  for await (const rows of pages) yield rows.map(lineOf);
}

function lineOf(row: RetrySourceRow): Line {
  const { id, line, key, urgency, priority } = row;
  const input: unknown = JSON.parse(row.input);
  const labels = readLabels(row.labels);
  return { kind: "job", number: line, retryOf: id, fields: { input, key, urgency, priority, labels } };
}
