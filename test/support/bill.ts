// The provider's bill, item by item, held against the books, attempt by attempt. A batch line is known by its custom_id; a realtime
// call by the marker of its text, which the simulator logs, or where there is none by the request id that its attempt recorded.

import { readCustomId } from "../../src/domain/pack.ts";
import type { Simulator } from "../../src/simulator/server.ts";
import type { Queryable } from "./steady-client.ts";

export interface BilledItem {
  readonly lane: "realtime" | "batch";
  readonly requestId: string | null;
  readonly marker: string | null;
  /** Of a batch line: the ids that its custom_id is made of. */
  readonly batchId: string | null;
  readonly jobId: string | null;
  readonly nano: bigint;
}

interface ItemView {
  readonly lane: "realtime" | "batch";
  readonly request_id?: string;
  readonly custom_id?: string;
  readonly nano: string | null;
}

interface LogView {
  readonly request_id: string;
  readonly marker: string | null;
  readonly retry_count: number;
}

const everything = 1_000_000;

export function readBill({ world }: Simulator): BilledItem[] {
  const markers = new Map(readLog(world).map((entry) => [entry.request_id, entry.marker]));
  const { items } = world.invoice.items(0, everything);
  return (items as unknown as ItemView[]).map(
    ({ lane, request_id: requestId, custom_id: customId, nano }) => {
      const line = customId === undefined ? null : readCustomId(customId);
      return {
        lane,
        requestId: requestId ?? null,
        marker: requestId === undefined ? null : (markers.get(requestId) ?? null),
        batchId: line?.batchId ?? null,
        jobId: line?.jobId ?? null,
        nano: BigInt(nano ?? 0),
      };
    },
  );
}

function readLog(world: Simulator["world"]): LogView[] {
  const view = world.log.view({ path: "/v1/messages", method: "POST", since: 0, limit: everything });
  return view["requests"] as LogView[];
}

interface AttemptRow {
  readonly job_id: string;
  readonly no: number;
  readonly lane: "realtime" | "batch";
  readonly state: "open" | "settled" | "presumed" | "unpaid";
  readonly message_batch_id: string | null;
  readonly request_id: string | null;
  readonly cost_nano: string | null;
  readonly marker: string | null;
}

const nameOf = (attempt: AttemptRow): string => `attempt ${attempt.job_id}-${attempt.no}`;
const costOf = (attempt: AttemptRow): bigint => BigInt(attempt.cost_nano ?? 0);

/**
 * What is wrong between the bill and the books: a settled attempt must cost what it was billed, to the nano-dollar; what was billed
 * and is not settled must be presumed at no less, each item by an attempt of its own; an unpaid attempt must be on no bill.
 */
export async function wrongAttempts(db: Queryable, simulator: Simulator): Promise<string[]> {
  const { rows: attempts } = await db.query<AttemptRow>(
    `SELECT a.job_id, a.no, a.lane, a.state, a.message_batch_id, a.request_id, a.cost_nano,
            substring(i.input from 'sim-marker:([[:alnum:]_.-]+)') AS marker
       FROM attempts a LEFT JOIN job_inputs i ON i.job_id = a.job_id`,
  );
  const items = readBill(simulator);
  const repeated = readLog(simulator.world).filter((entry) => entry.retry_count > 0);
  return [
    ...repeated.map((entry) => `request ${entry.request_id} was repeated by the SDK`),
    ...wrongLines(attempts, items),
    ...wrongCalls(attempts, items),
  ];
}

function wrongLines(attempts: readonly AttemptRow[], items: readonly BilledItem[]): string[] {
  const billed = new Map<string, bigint>();
  const wrong: string[] = [];
  for (const { batchId, jobId, nano, lane } of items) {
    if (lane !== "batch") continue;
    const line = `${batchId}-${jobId}`;
    if (billed.has(line)) wrong.push(`line ${line} was billed twice`);
    billed.set(line, (billed.get(line) ?? 0n) + nano);
  }
  for (const attempt of attempts) {
    if (attempt.lane !== "batch") continue;
    const line = `${attempt.message_batch_id}-${attempt.job_id}`;
    const nano = billed.get(line) ?? 0n;
    billed.delete(line);
    const cost = costOf(attempt);
    const right =
      attempt.state === "settled" ? cost === nano : attempt.state === "presumed" ? cost >= nano : nano === 0n;
    if (!right) wrong.push(`${nameOf(attempt)} is ${attempt.state} at ${cost} and was billed ${nano}`);
  }
  return [...wrong, ...[...billed.keys()].map((line) => `line ${line} was billed and is no attempt`)];
}

function wrongCalls(attempts: readonly AttemptRow[], items: readonly BilledItem[]): string[] {
  const calls = new Map(items.flatMap((item) => (item.requestId === null ? [] : [[item.requestId, item]])));
  const wrong: string[] = [];
  for (const attempt of attempts) {
    if (attempt.lane !== "realtime" || attempt.state !== "settled") continue;
    const call = calls.get(attempt.request_id ?? "");
    if (call === undefined) wrong.push(`${nameOf(attempt)} is settled and was not billed`);
    else if (call.nano !== costOf(attempt))
      wrong.push(`${nameOf(attempt)} is settled at ${costOf(attempt)} and was billed ${call.nano}`);
    calls.delete(attempt.request_id ?? "");
  }
  // What is left was billed without being settled: dearest first, each needs a presumed attempt of its job.
  const presumed = attempts
    .filter((attempt) => attempt.lane === "realtime" && attempt.state === "presumed")
    .toSorted((a, b) => (costOf(a) < costOf(b) ? 1 : -1));
  for (const call of [...calls.values()].toSorted((a, b) => (a.nano < b.nano ? 1 : -1))) {
    const at = presumed.findIndex(
      (attempt) =>
        costOf(attempt) >= call.nano &&
        (call.marker === null || attempt.marker === null || attempt.marker === call.marker),
    );
    if (at < 0)
      wrong.push(`call ${call.requestId} of ${call.marker} was billed ${call.nano} and is not booked`);
    else presumed.splice(at, 1);
  }
  return wrong;
}
