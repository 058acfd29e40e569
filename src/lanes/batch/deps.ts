// What the batch lane is built from; composed by the processes, passed to every step.

import type { Config } from "../../config/config.ts";
import type { JobTypes } from "../../config/job-types.ts";
import type { Clock } from "../../domain/clock.ts";
import type { Gate, WorkScope } from "../../domain/work-scope.ts";
import type { Log } from "../../observe/log.ts";
import type { Pool } from "../../postgres/pool.ts";
import type { Tightening } from "../../postgres/tight-bounds.ts";
import type { ProviderBatches } from "../../provider/batches.ts";
import type { QueueBackend } from "../../queue/backend.ts";
import type { PreparedBulks } from "../prepared-bulks.ts";

/** The settings this lane reads. */
export type BatchLaneConfig = Pick<
  Config,
  | "batchLinesMax"
  | "batchBytesMax"
  | "batchLingerMs"
  | "batchCreateTimeoutMs"
  | "createVisibilityMs"
  | "listingGapMs"
  | "voidHoldMs"
  | "pollMinMs"
  | "pollMaxMs"
  | "triesMax"
  | "unbudgeted"
  | "retryBaseMs"
  | "retryCapMs"
  | "retryAfterMaxMs"
  | "drainTimeoutMs"
>;

export interface BatchLaneDeps {
  readonly pool: Pool;
  readonly batches: ProviderBatches;
  readonly jobTypes: JobTypes;
  readonly prepared: PreparedBulks;
  readonly gate: Gate;
  /** How much of its full width work may have now: less than 1 for a while after its stop was lifted. */
  readonly widthOf: (work: WorkScope) => number;
  readonly queueBackend: QueueBackend;
  readonly config: BatchLaneConfig;
  readonly clock: Clock;
  readonly log: Log;
  /** Names this process in leases; new for every start. */
  readonly processId: string;
  readonly credentialId: string;
  readonly random: () => number;
  readonly newId: () => string;
  /** Absent: holds are by bytes and declared caps. */
  readonly tightening?: Tightening | undefined;
  /** The lease of one step in milliseconds; `limits.batchLeaseMs` but for tests. */
  readonly leaseMs: number;
}

/** What a step says about the next one. */
export type StepEnd =
  /** The batch is due again after so many milliseconds; 0: at once. */
  | { readonly kind: "again"; readonly inMs: number }
  /** Nothing is left to do, or it is somebody else's now. */
  | { readonly kind: "done" };

export const again = (inMs: number): StepEnd => ({ kind: "again", inMs });
export const done: StepEnd = { kind: "done" };
