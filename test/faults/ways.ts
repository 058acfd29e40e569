// How the named points are come by: who reaches each, and what has to go wrong first for those that a healthy run never sees.

import type { Point } from "../../src/observe/points.ts";
import type { FaultRequest } from "../../src/simulator/faults.ts";
import type { Random } from "./random.ts";
import type { Fault, PlannedBulk, ProcessName } from "./plan.ts";
import { intakeChunkLines } from "./timers.ts";

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
  /** From then on lines of another bulk are in a slow message batch, so that paid work is in flight when the point is come by. */
  readonly lateMs: number | null;
  /** What is submitted after the first bulks comes when those are in slow message batches: it is the upload that is struck. */
  readonly uploads: boolean;
}

const createPath = "/v1/messages/batches";
const onCreate = { path: createPath, method: "POST" } as const;
export const resultsPath = "/v1/messages/batches/{id}/results";

const provider = (request: FaultRequest): Fault => ({ kind: "provider", atMs: 0, request });
const plain: Way = { faults: () => [], doubled: false, cancels: false, lateMs: null, uploads: false };

/** A batch in doubt is given up when the visibility is over. */
const givenUpMs = 3_300;
const returnedMs = 1_200;
/** A worker that is lost with its first calls is declared dead when its lease has run out. */
const bookedMs = 800;
/** Uploads that are struck come from then on. */
export const uploadsFromMs = 800;

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
  // Its own lines are in flight no more.
  "doubt.returned": () => ({ ...plain, faults: () => [provider(dropped(1))], lateMs: givenUpMs }),
  "batch.cancel_answered": () => ({ ...plain, cancels: true }),
  "intake.chunk_written": () => ({ ...plain, uploads: true }),
  "intake.written": () => ({ ...plain, uploads: true }),
  "intake.committed": () => ({ ...plain, uploads: true }),
  "reaper.declared": loseWorker,
  "reaper.booked": loseCalls,
  "unclaimed.returned": (random) => ({ ...plain, faults: () => [loseEntries(random)], lateMs: returnedMs }),
};

function loseWorker(random: Random): Way {
  const strike: Fault = { kind: "strike", atMs: random.int(400, 900), process: "work-2", blow: "kill" };
  return { ...plain, doubled: true, faults: () => [strike] };
}

/** A worker that dies with calls in flight leaves something to book. */
function loseCalls(random: Random): Way {
  const blow: Fault = {
    kind: "point",
    point: "call.sent",
    nth: random.int(1, 3),
    blow: "kill",
    afterMs: 0,
    processes: ["work-2"],
  };
  return { ...plain, doubled: true, faults: () => [blow], lateMs: bookedMs };
}

/** A dispatcher that dies before its entries are in the queue leaves jobs that nobody claims. */
const loseEntries = (random: Random): Fault => ({
  kind: "point",
  point: "dispatch.committed",
  nth: random.int(1, 2),
  blow: "kill",
  afterMs: 0,
  processes: ["work"],
});

export const waysTo = (point: Point, random: Random): Way => waysWithFaults[point]?.(random) ?? plain;

/**
 * Which time of being reached the blow falls on, at least and at most: often passed points later, rare ones at once, and none before
 * there is paid work to lose.
 */
const nthRange: Partial<Record<Point, readonly [min: number, max: number]>> = {
  "dispatch.written": [2, 5],
  "dispatch.committed": [2, 5],
  // Of what waits all that has room is dispatched at once: a third time does not come in every run.
  "dispatch.enqueued": [2, 2],
  "claim.written": [1, 8],
  "claim.committed": [1, 8],
  "call.sent": [1, 25],
  "call.answered": [1, 25],
  "record.written": [1, 8],
  "record.committed": [1, 8],
  "batch.intent_written": [1, 2],
  "batch.intent_committed": [1, 2],
  "batch.create_started": [1, 2],
  "batch.create_streaming": [1, 4],
  "batch.create_sent": [1, 2],
  "batch.create_answered": [1, 2],
  "batch.create_stored": [1, 2],
  "batch.polled": [1, 3],
  "batch.ended": [1, 2],
  "batch.chunk_read": [1, 5],
  "batch.chunk_recorded": [1, 5],
  "batch.counted": [1, 2],
  "ends.written": [1, 4],
};

/**
 * Which time of being reached is in an upload that comes late, in the order in which they come. Pieces of an upload may arrive
 * together and be one chunk: so it is the first of the late ones, and those behind it make up for that.
 */
function nthOfUploads(point: Point, bulks: readonly PlannedBulk[], random: Random): number {
  const inOrder = bulks.toSorted((a, b) => a.atMs - b.atMs);
  const early = inOrder.filter(({ atMs }) => atMs < uploadsFromMs);
  if (point !== "intake.chunk_written") return random.int(early.length + 1, inOrder.length);
  return 1 + early.reduce((sum, { lines }) => sum + Math.floor(lines / intakeChunkLines), 0);
}

export function blowAt(
  point: Point,
  { processes, bulks }: { processes: readonly ProcessName[]; bulks: readonly PlannedBulk[] },
  random: Random,
): Fault {
  const [min, max] = nthRange[point] ?? [1, 1];
  return {
    kind: "point",
    point,
    nth: roleOf(point) === "api" ? nthOfUploads(point, bulks, random) : random.int(min, max),
    blow: random.chance(0.65) ? "kill" : "freeze",
    // Now and then between two points: bytes that were handed over have left by then.
    afterMs: random.chance(0.3) ? random.int(1, 40) : 0,
    processes,
  };
}
