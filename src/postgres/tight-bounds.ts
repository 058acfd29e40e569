// What a hold is computed from: the bound by bytes and the declared cap, or what is known to be enough. The claim, the pack and the
// looks that choose what is worth trying all ask here, so that none of them admits what another would refuse.
//
// Whether counts can be believed is read in the transaction that takes the hold, and only if one of its jobs was counted; a model that
// was switched off a moment ago is off for it. A cap is chosen once, by whoever takes the hold, and travels with the attempt.

import { heldInputTokens } from "../domain/count-trust.ts";
import type { Lane } from "../domain/job.ts";
import { effectiveCap, rightSizing } from "../domain/right-size.ts";
import { readTrusts } from "./count-trust.ts";
import type { Database } from "./pool.ts";

/** What this installation does to make holds smaller than the worst that bytes and declared caps allow. */
export interface Tightening {
  /** Whether counts are used. */
  readonly useCounts: boolean;
  /** The cap that lengths of answers allow, where the type asks for it; and how long a realtime turn of it may take. */
  capOf(
    jobType: string,
    promptVersion: number,
    model: string,
  ): { readonly cap: number; readonly callTimeoutMs: number } | null;
}

/** A job's row, as far as its bounds go. */
export interface BoundedRow {
  readonly job_type: string;
  readonly prompt_version: number;
  readonly model: string;
  readonly input_tokens_max: number;
  readonly output_tokens_max: number;
  readonly input_tokens_counted: number | null;
  readonly full_cap: boolean;
  readonly deadline_at: Date | null;
  readonly attempts_counted: number;
  readonly attempts_max: number;
}

export interface Bounds {
  readonly inputTokensMax: number;
  /** The `max_tokens` to send. */
  readonly outputTokensMax: number;
}

/** A retry after a realtime call waits at most about this long beside the call itself. */
const betweenTurnsMs = 60_000;

/** The bounds of jobs whose holds are about to be taken, or looked at, in this lane. Without a tightening those of their rows. */
export async function boundsIn(
  database: Database,
  rows: readonly BoundedRow[],
  terms: { lane: Lane; now: Date; tightening?: Tightening | undefined },
): Promise<(row: BoundedRow) => Bounds> {
  const { tightening, now, lane } = terms;
  if (tightening === undefined)
    return (row) => ({ inputTokensMax: row.input_tokens_max, outputTokensMax: row.output_tokens_max });
  const anyCounted = tightening.useCounts && rows.some((row) => (row.input_tokens_counted ?? 0) > 0);
  const trusts = anyCounted ? await readTrusts(database) : null;
  return (row) => {
    const sized = tightening.capOf(row.job_type, row.prompt_version, row.model);
    const turnMs = lane === "batch" ? rightSizing.batchTurnMs : (sized?.callTimeoutMs ?? 0) + betweenTurnsMs;
    return {
      inputTokensMax: heldInputTokens(row.input_tokens_max, row.input_tokens_counted, trusts?.get(row.model)),
      outputTokensMax: effectiveCap(
        {
          declaredTokens: row.output_tokens_max,
          attemptsPaid: row.attempts_counted,
          attemptsMax: row.attempts_max,
          fullCap: row.full_cap,
          deadlineAt: row.deadline_at,
        },
        sized?.cap ?? null,
        { now, turnMs },
      ),
    };
  };
}
