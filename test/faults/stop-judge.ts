// Promise 4 in the simulator's request log: after a stop no start in its scope. A start is a request line that was received: of a call,
// the creation of a message batch, a token count.
//
//   complete   from then on nothing at all, until it is lifted, whoever was frozen meanwhile
//   before     nothing once the permission of everybody has ended: that of a frozen process after it goes on

import { readCustomId } from "../../src/domain/pack.ts";
import type { Simulator } from "../../src/simulator/server.ts";
import type { SteadyClient } from "../support/steady-client.ts";
import type { AcceptedBulk } from "./callers.ts";
import type { PlannedStop, Schedule } from "./plan.ts";
import type { PulledStop } from "./stopping.ts";
import type { Strike } from "./strikes.ts";
import { permissionMs } from "./timers.ts";

export interface Start {
  readonly endpoint: string;
  readonly receivedMs: number;
  readonly requestId: string;
  /** Numbers of the bulks whose content it carried; null if it was cut off before it said. */
  readonly bulks: readonly number[] | null;
}

export interface StopTimes {
  readonly toldMs: number;
  readonly completeMs: number | null;
  readonly liftedMs: number;
  /** From a blow until it went on. */
  readonly freezes: readonly { readonly fromMs: number; readonly untilMs: number }[];
  /** By how much the log may be behind what was sent: the network's delay, and how long we were deaf ourselves. */
  readonly lateMs: number;
}

/** Between what was handed to a socket and its line in the log, on a machine with other things to do. */
const onItsWayMs = 200;

/** From when on nothing of the scope may be received. */
export function quietFromMs({ toldMs, completeMs, freezes, lateMs }: StopTimes): number {
  let permittedMs = toldMs + permissionMs;
  for (const { fromMs, untilMs } of freezes.toSorted((a, b) => a.fromMs - b.fromMs))
    if (fromMs < permittedMs && untilMs > toldMs) permittedMs = Math.max(permittedMs, untilMs + permissionMs);
  return Math.min(permittedMs, completeMs ?? Number.POSITIVE_INFINITY) + lateMs + onItsWayMs;
}

/** What was started and must not have been. */
export function forbiddenStarts(
  starts: readonly Start[],
  times: StopTimes,
  covers: (bulk: number) => boolean,
  coversAll: boolean,
): Start[] {
  const fromMs = quietFromMs(times);
  return starts.filter(
    ({ receivedMs, bulks }) =>
      receivedMs >= fromMs && receivedMs < times.liftedMs && (coversAll || (bulks ?? []).some(covers)),
  );
}

interface Judged {
  readonly db: SteadyClient;
  readonly simulator: Simulator;
  readonly schedule: Schedule;
  readonly pulled: PulledStop;
  readonly accepted: readonly AcceptedBulk[];
  readonly strikes: readonly Strike[];
  /** The longest time in which this process heard nothing. */
  readonly deafMs: number;
}

/** @throws Error with what was started in spite of the stop */
export async function judgeStop(judged: Judged): Promise<void> {
  const { db, pulled, schedule } = judged;
  const { rows } = await db.query<{ completed_at: Date | null; lifted_at: Date | null }>(
    "SELECT s.completed_at, f.lifted_at FROM stops s JOIN flags f ON f.id = s.id WHERE s.id = $1",
    [pulled.id],
  );
  const times: StopTimes = {
    toldMs: pulled.toldMs,
    completeMs: rows[0]?.completed_at?.getTime() ?? null,
    liftedMs: rows[0]?.lifted_at?.getTime() ?? Number.POSITIVE_INFINITY,
    freezes: judged.strikes
      .filter(({ blow }) => blow === "freeze")
      .map(({ atMs, goneOnMs }) => ({ fromMs: atMs, untilMs: goneOnMs ?? Number.POSITIVE_INFINITY })),
    lateMs: judged.deafMs + heldBackMs(schedule),
  };
  const { scope } = pulled.planned;
  const coversAll = scope === "global" || scope === "job_type" || scope === "model";
  const wrong = forbiddenStarts(
    await readStarts(judged),
    times,
    coverOf(schedule, pulled.planned),
    coversAll,
  );
  if (wrong.length > 0)
    throw new Error(
      `stop means stop: ${wrong.length} starts in its scope (${scope}, ${pulled.planned.mode}) from ${quietFromMs(times)} on: ${JSON.stringify(wrong.slice(0, 3))}`,
    );
}

function coverOf({ bulks }: Schedule, planned: PlannedStop): (bulk: number) => boolean {
  const tenantOf = (queue: string): string => queue.split("/")[0] ?? "";
  return (bulk) => {
    const queue = bulks[bulk]?.queue ?? "";
    if (planned.scope === "bulk") return bulk === planned.bulk;
    return planned.scope === "queue" ? queue === planned.queue : tenantOf(queue) === tenantOf(planned.queue);
  };
}

/** What a request may be held back for on its way to the provider. */
const heldBackMs = ({ faults }: Schedule): number =>
  Math.max(
    0,
    ...faults.map((fault) =>
      fault.kind === "network" && fault.to === "provider" && fault.how !== "cut" ? fault.forMs : 0,
    ),
  );

interface LogView {
  readonly request_id: string;
  readonly endpoint: string;
  readonly received_ms: number;
  readonly marker: string | null;
}

const startsAt = new Set([
  "POST /v1/messages",
  "POST /v1/messages/batches",
  "POST /v1/messages/count_tokens",
]);
const everything = 1_000_000;

async function readStarts({ db, simulator, accepted }: Judged): Promise<Start[]> {
  const view = simulator.world.log.view({
    path: "/v1/messages",
    method: "POST",
    since: 0,
    limit: everything,
  });
  const { rows } = await db.query<{ batch: string; bulks: string[] }>(
    "SELECT message_batch_id AS batch, array_agg(DISTINCT bulk_id) AS bulks FROM attempts WHERE message_batch_id IS NOT NULL GROUP BY 1",
  );
  const numbers = new Map(accepted.map(({ id }, number) => [id, number]));
  const inBatch = new Map(rows.map(({ batch, bulks }) => [batch, bulks.map((id) => numbers.get(id) ?? -1)]));
  return (view["requests"] as LogView[])
    .filter(({ endpoint }) => startsAt.has(endpoint))
    .map(({ request_id: requestId, endpoint, received_ms: receivedMs, marker }) => ({
      requestId,
      endpoint,
      receivedMs,
      bulks: marker === null ? null : bulksOf(marker, inBatch),
    }));
}

/** A call names its line, the creation of a message batch its first one. */
function bulksOf(marker: string, inBatch: ReadonlyMap<string, readonly number[]>): readonly number[] {
  const line = /^torture-\d+-(\d+)-\d+$/.exec(marker);
  if (line !== null) return [Number(line[1])];
  return inBatch.get(readCustomId(marker)?.batchId ?? "") ?? [];
}
