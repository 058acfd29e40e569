// How the named points are come by: who reaches each, and what has to go wrong first for those that a healthy run never sees.

import type { Point } from "../../src/observe/points.ts";
import type { FaultRequest } from "../../src/simulator/faults.ts";
import type { Random } from "./random.ts";
import type { Fault, ProcessName } from "./plan.ts";

type Role = "api" | "dispatcher" | "worker" | "batcher";

/** The role whose process reaches a point. Upkeep runs beside the dispatcher. */
export function roleOf(point: Point): Role {
  const [family] = point.split(".");
  if (family === "intake") return "api";
  if (family === "claim" || family === "call" || family === "record") return "worker";
  return family === "dispatch" || family === "reaper" || family === "unclaimed" ? "dispatcher" : "batcher";
}

export interface Way {
  readonly faults: () => Fault[];
  /** A second worker is there to be lost. */
  readonly doubled: boolean;
  /** A bulk is canceled while its message batch runs. */
  readonly cancels: boolean;
}

const createPath = "/v1/messages/batches";
const onCreate = { path: createPath, method: "POST" } as const;
export const resultsPath = "/v1/messages/batches/{id}/results";

const provider = (request: FaultRequest): Fault => ({ kind: "provider", atMs: 0, request });
const plain: Way = { faults: () => [], doubled: false, cancels: false };

/** The provider takes a create and its answer is lost. */
const lost = (nth: number): FaultRequest => ({
  action: "lose_response",
  match: { ...onCreate, nth },
  params: { as: "reset" },
});
/** The provider drops a create that was sent whole. */
const dropped = (nth: number): FaultRequest => ({ action: "reset", match: { ...onCreate, nth } });

const waysWithFaults: Partial<Record<Point, (random: Random) => Way>> = {
  "doubt.listed": (random) => ({ ...plain, faults: () => [provider(lost(random.int(1, 2)))] }),
  "doubt.adopted": (random) => ({ ...plain, faults: () => [provider(lost(random.int(1, 2)))] }),
  "doubt.counted": () => ({ ...plain, faults: () => [provider(dropped(1))] }),
  "doubt.given_up": () => ({ ...plain, faults: () => [provider(dropped(1))] }),
  "doubt.returned": () => ({ ...plain, faults: () => [provider(dropped(1))] }),
  "batch.cancel_answered": () => ({ ...plain, cancels: true }),
  "reaper.declared": loseWorker,
  "reaper.booked": loseWorker,
  "unclaimed.returned": (random) => ({
    ...plain,
    faults: () => [{ kind: "redis", atMs: random.int(150, 600), how: "flush", whilePolled: false }],
  }),
};

function loseWorker(random: Random): Way {
  const strike: Fault = { kind: "strike", atMs: random.int(400, 900), process: "work-2", blow: "kill" };
  return { ...plain, doubled: true, faults: () => [strike] };
}

export const waysTo = (point: Point, random: Random): Way => waysWithFaults[point]?.(random) ?? plain;

/** How often a point may have been reached before the blow falls: often passed ones later, rare ones at once. */
const nthMax: Partial<Record<Point, number>> = {
  "intake.chunk_written": 4,
  "intake.written": 4,
  "intake.committed": 4,
  "dispatch.written": 3,
  "dispatch.committed": 3,
  "dispatch.enqueued": 3,
  "claim.written": 8,
  "claim.committed": 8,
  "call.sent": 25,
  "call.answered": 25,
  "record.written": 8,
  "record.committed": 8,
  "batch.intent_written": 2,
  "batch.intent_committed": 2,
  "batch.create_started": 2,
  "batch.create_streaming": 4,
  "batch.create_sent": 2,
  "batch.create_answered": 2,
  "batch.create_stored": 2,
  "batch.polled": 5,
  "batch.ended": 2,
  "batch.chunk_read": 5,
  "batch.chunk_recorded": 5,
  "batch.counted": 2,
  "ends.written": 4,
};

export function blowAt(point: Point, processes: readonly ProcessName[], random: Random): Fault {
  return {
    kind: "point",
    point,
    nth: random.int(1, nthMax[point] ?? 1),
    blow: random.chance(0.65) ? "kill" : "freeze",
    // Now and then between two points: bytes that were handed over have left by then.
    afterMs: random.chance(0.3) ? random.int(1, 40) : 0,
    processes,
  };
}
