// Everything the API is built from; made by src/processes and handed down.
import type { RequestHandler } from "express";
import type { Registry } from "prom-client";
import type { Config } from "../config/config.ts";
import type { JobTypes } from "../config/job-types.ts";
import type { Clock } from "../domain/clock.ts";
import type { Log } from "../observe/log.ts";
import type { Pool } from "../postgres/pool.ts";

export interface AppDeps {
  readonly pool: Pool;
  readonly config: Pick<
    Config,
    | "alertWebhookUrl"
    | "attemptsMax"
    | "batchDeadlineMinMs"
    | "idempotencyTtlMs"
    | "jobAgeMaxMs"
    | "lineBytesMax"
    | "poolMax"
    | "publicUrl"
    | "requestsPerMinute"
    | "uploadBytesMax"
    | "uploadLinesMax"
  >;
  readonly jobTypes: JobTypes;
  readonly log: Log;
  readonly clock: Clock;
  readonly newId: () => string;
  /** The row of this process in `processes`; its id changes when it was reaped. */
  readonly process: { readonly id: string };
  /** Rejects while the queue backend cannot be reached. */
  readonly queueReady: () => Promise<void>;
  /** Where the process's own metrics are registered; /metrics adds what it reads from the database. */
  readonly metrics: Registry;
  /** Called after a bulk was committed, with its id and its queue's id: whoever shows bulks (BullMQ) may look at once. */
  readonly bulkAccepted?: (bulkId: string, queueId: string) => void;
  /** Bull Board with its own login. */
  readonly board?: { readonly path: string; readonly handler: RequestHandler };
}
