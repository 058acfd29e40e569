// What a run consists of, as data: a schedule says all of it before anything is started.

import type { FlagScope, StopMode } from "../../src/domain/flag.ts";
import type { Point } from "../../src/observe/points.ts";
import type { FaultRequest } from "../../src/simulator/faults.ts";

export type ProcessName = "api" | "work" | "work-2" | "batch" | "batch-2";
export type QueueName = "alpha/main" | "alpha/tight" | "beta/main";
export const queueNames: readonly [QueueName, ...QueueName[]] = ["alpha/main", "alpha/tight", "beta/main"];

export interface PlannedProcess {
  readonly name: ProcessName;
  readonly roles: string;
}

/** One of each, for schedules that are written by hand. */
export const plainProcesses: readonly PlannedProcess[] = [
  { name: "api", roles: "api" },
  { name: "work", roles: "dispatcher,worker" },
  { name: "batch", roles: "batcher" },
];

export interface PlannedBulk {
  readonly atMs: number;
  readonly queue: QueueName;
  readonly urgency: "now" | "whenever";
  readonly lines: number;
  /** Canceled by its caller once its message batch is at the provider. */
  readonly canceled: boolean;
}

export type Blow = "kill" | "freeze";

export type Fault =
  | {
      readonly kind: "point";
      readonly point: Point;
      readonly nth: number;
      readonly blow: Blow;
      readonly afterMs: number;
      readonly processes: readonly ProcessName[];
    }
  | { readonly kind: "strike"; readonly atMs: number; readonly process: ProcessName; readonly blow: Blow }
  | { readonly kind: "provider"; readonly atMs: number; readonly request: FaultRequest }
  | {
      readonly kind: "network";
      readonly atMs: number;
      readonly process: ProcessName;
      readonly to: "provider" | "postgres" | "redis";
      readonly how: "cut" | "slow" | "silent";
      readonly forMs: number;
    }
  | {
      readonly kind: "redis";
      readonly atMs: number;
      readonly how: "flush" | "kill_empty" | "kill" | "older";
      /** Not before a message batch waits for its next wake-up: that is what is lost then. */
      readonly whilePolled: boolean;
    }
  | {
      readonly kind: "postgres";
      readonly atMs: number;
      /** Connections dropped or refused for a while; or the server killed, or ended as by a power cut, and started again. */
      readonly how: "drop" | "away" | "kill" | "quit";
      readonly forMs: number;
    };

/** A stop in the middle of a run, and when it is lifted. */
export interface PlannedStop {
  readonly atMs: number;
  readonly scope: FlagScope;
  /** What it is aimed at: this queue, its tenant, or the bulk of this number. A job type and a model are those of all. */
  readonly queue: QueueName;
  readonly bulk: number;
  readonly mode: StopMode;
  /** `command`: the API is killed, and `sluice stop` goes to the database. */
  readonly by: "api" | "command";
  /** Falls on a process right before. */
  readonly blow: { readonly process: ProcessName; readonly blow: Blow } | null;
  /** Null: lifted a while after it is complete, which it then has to become. Otherwise after so long, complete or not. */
  readonly liftedAfterMs: number | null;
}

export interface Schedule {
  readonly seed: number;
  readonly processes: readonly PlannedProcess[];
  readonly bulks: readonly PlannedBulk[];
  /** Each queue's ceiling, as a share of what all its lines would cost at worst. */
  readonly ceilings: Readonly<Record<QueueName, number>>;
  /** Then the ceilings are lifted, so that what waits under them comes to its end too. */
  readonly raiseAtMs: number;
  readonly provider: {
    readonly latencyMs: { readonly min: number; readonly max: number };
    readonly batchDurationMs: { readonly min: number; readonly max: number };
    readonly createHiddenMs: number;
    readonly listLagMs: number;
    readonly resultsLagMs: number;
  };
  readonly faults: readonly Fault[];
  readonly stop: PlannedStop | null;
}
