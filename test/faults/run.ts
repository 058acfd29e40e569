// One run: everything of a schedule happens, all comes to rest, the processes end, and the referee judges.

import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { silentLog } from "../../src/observe/log.ts";
import { openQueueBackend } from "../../src/queue/backend.ts";
import { judge, judgeEnd, judgeQueues } from "../support/referee.ts";
import { waitFor } from "../support/wait.ts";
import type { Arena } from "./arena.ts";
import { cancelBulk, submitBulk } from "./callers.ts";
import type { AcceptedBulk } from "./callers.ts";
import { openField, raiseCeilings } from "./field.ts";
import type { Field } from "./field.ts";
import { inflict } from "./inflict.ts";
import type { PlannedBulk, Schedule } from "./plan.ts";
import { judgeStop } from "./stop-judge.ts";
import { pullStop } from "./stopping.ts";
import type { PulledStop } from "./stopping.ts";
import type { Strike } from "./strikes.ts";
import { Watch } from "./watch.ts";

export interface RunReport {
  readonly seed: number;
  readonly ms: number;
  /** Of these: until all its processes worked. */
  readonly startedMs: number;
  readonly strikes: readonly Strike[];
  readonly reached: readonly string[];
  readonly stop: PulledStop | null;
  /** What the referee objects to; empty: nothing. */
  readonly objections: readonly string[];
  readonly overspendNano: bigint;
  /** Accepted jobs without an outcome. */
  readonly lost: number;
  /** Lines that were paid in two message batches. */
  readonly paidTwice: number;
  /** Holds, leases, attempts and queue entries that nobody cleared away. */
  readonly leaks: number;
  /** What the processes printed. */
  readonly output: string;
}

/** A run in which nothing has moved for so long never comes to rest; nor does one that goes round in circles. */
const standstillMs = 15_000;
const restMs = 120_000;

export async function run(schedule: Schedule, arena: Arena): Promise<RunReport> {
  const startedAt = performance.now();
  const field = await openField(arena, schedule);
  const objections: string[] = [];
  const note = (error: unknown): void =>
    void objections.push(error instanceof Error ? whole(error) : String(error));
  try {
    await Promise.all(field.members.map((member) => member.start()));
    const startedMs = Math.round(performance.now() - startedAt);
    const watch = Watch.begin(field.databaseUrl, field.simulator);
    const deaf = monitorEventLoopDelay({ resolution: 10 });
    deaf.enable();
    const { accepted, pulled } = await act(field, watch).catch(
      (error: unknown): Acted => (note(error), { accepted: [], pulled: null }),
    );
    await rest(field).catch(note);
    await Promise.all(field.members.map((member) => member.end()));
    await field.strikes.look();
    await watch.end();
    objections.push(...watch.objections, ...crashes(field));
    await judgeAccepted(field, accepted).catch(note);
    if (pulled !== null)
      await judgeStop({
        ...field,
        pulled,
        accepted,
        strikes: field.strikes.strikes,
        deafMs: deaf.max / 1e6,
      }).catch(note);
    await judge(field.db, field.simulator).catch(note);
    await judgeEnd(field.db).catch(note);
    return {
      seed: schedule.seed,
      ms: Math.round(performance.now() - startedAt),
      startedMs,
      strikes: field.strikes.strikes,
      reached: [...field.strikes.reached],
      stop: pulled,
      objections,
      overspendNano: watch.overspendNano,
      ...(await countLosses(field)),
      output: field.members.map((member) => `${member.name}:\n${member.output()}`).join("\n"),
    };
  } finally {
    await field.close();
  }
}

const whole = ({ message, cause }: Error): string =>
  cause instanceof Error ? `${message}: ${cause.message}` : message;

interface Acted {
  readonly accepted: readonly AcceptedBulk[];
  readonly pulled: PulledStop | null;
}

/** Callers, faults and a stop side by side. */
async function act(field: Field, watch: Watch): Promise<Acted> {
  const { schedule } = field;
  const faults = Promise.all(schedule.faults.map((fault) => inflict(fault, field)));
  const bulks = schedule.bulks.map((bulk, number) => call(field, bulk, number));
  const stop = schedule.stop === null ? null : pullStop(field, schedule.stop, bulks);
  const [accepted, pulled] = await Promise.all([
    Promise.all(bulks),
    stop,
    faults,
    liftCeilings(field, watch),
  ]);
  return { accepted, pulled };
}

/** The bill until then must fit under the low ceilings: it is looked at once more before they are lifted. */
async function liftCeilings({ schedule, db }: Field, watch: Watch): Promise<void> {
  await sleep(schedule.raiseAtMs);
  await watch.look();
  await raiseCeilings(db);
}

async function call(field: Field, bulk: PlannedBulk, number: number): Promise<AcceptedBulk> {
  const door = { url: field.apiUrl, arena: field.arena, seed: field.schedule.seed };
  await sleep(bulk.atMs);
  const accepted = await submitBulk(door, bulk, number);
  if (bulk.canceled) {
    const created =
      "SELECT 1 FROM attempts a JOIN message_batches b ON b.id = a.message_batch_id AND b.state = 'created' WHERE a.bulk_id = $1";
    // Where faults keep it from ever being there, it is canceled all the same.
    await waitFor("its message batch", async () => (await field.db.query(created, [accepted.id])).rows[0], {
      timeoutMs: 3_000,
      everyMs: 50,
    }).catch(() => undefined);
    await cancelBulk(door, bulk, accepted.id);
  }
  return accepted;
}

/**
 * Everything has its outcome, no batch is under way, no money is held (a void batch's hold has expired), the dead are declared dead,
 * no queue entry is left. How long that takes is the machine's business; what counts is that it goes on.
 */
async function rest({ db, redis, members }: Field): Promise<void> {
  let seen = "";
  let goesOnUntilMs = 0;
  await waitFor(
    "all to come to rest",
    async () => {
      const { rows } = await db.query<Standing>(standing);
      const now = JSON.stringify(rows[0]);
      if (now !== seen) goesOnUntilMs = performance.now() + standstillMs;
      seen = now;
      if (isAtRest(rows[0], members.length)) return true;
      return performance.now() > goesOnUntilMs ? "standstill" : null;
    },
    { timeoutMs: restMs, everyMs: 50 },
  ).then((end) => {
    if (end === "standstill") throw new Error(`nothing moves any more: ${seen}`);
    return end;
  });
  const backend = await openQueueBackend({
    redis: { kind: "external", url: redis.url, describe: "the run's Redis" },
    postgresUrl: "",
    prefix: "torture",
    log: silentLog,
  });
  try {
    await judgeQueues(backend);
  } finally {
    await backend.close();
  }
}

interface Standing {
  readonly bulks: number;
  readonly jobs: number;
  readonly batches: number;
  readonly attempts: number;
  readonly holds: number;
  readonly processes: number;
}

const standing = `SELECT (SELECT count(*) FROM bulks WHERE finished_at IS NULL)::int AS bulks,
  (SELECT count(*) FROM jobs WHERE finished_at IS NULL)::int AS jobs,
  (SELECT count(*) FROM message_batches WHERE state NOT IN ('ingested', 'refused', 'void'))::int AS batches,
  (SELECT count(*) FROM attempts WHERE state = 'open')::int AS attempts,
  (SELECT count(*) FROM holds WHERE state = 'open')::int AS holds,
  (SELECT count(*) FROM processes WHERE ended_at IS NULL AND reaped_at IS NULL)::int AS processes`;

const isAtRest = (now: Standing | undefined, members: number): boolean =>
  now?.bulks === 0 && now.batches === 0 && now.attempts === 0 && now.holds === 0 && now.processes === members;

/** Every 202 is one bulk with as many jobs, and there is no other. */
async function judgeAccepted({ db }: Field, accepted: readonly AcceptedBulk[]): Promise<void> {
  const { rows } = await db.query<{ id: string; jobs: string }>(
    "SELECT bulk_id AS id, count(*) AS jobs FROM jobs GROUP BY 1",
  );
  const found = new Map(rows.map(({ id, jobs }) => [id, Number(jobs)]));
  const wrong = accepted.filter(({ id, lines }) => found.get(id) !== lines);
  if (wrong.length > 0 || found.size !== accepted.length)
    throw new Error(
      `accepted were ${accepted.length} bulks, ${found.size} are there, ${wrong.length} not as they were sent`,
    );
}

/** A bug that ends a process is one, whether or not its work was saved. */
const crashes = ({ members }: Field): string[] =>
  members.flatMap((member) =>
    member
      .output()
      .split("\n")
      .filter((line) => line.includes('"process.crashed"'))
      .map((line) => `${member.name} crashed: ${line}`),
  );

async function countLosses({ db }: Field): Promise<Pick<RunReport, "lost" | "paidTwice" | "leaks">> {
  const { rows } = await db.query<{ lost: number; paid_twice: number; leaks: number }>(
    `SELECT (SELECT count(*) FROM jobs WHERE finished_at IS NULL)::int AS lost,
            (SELECT coalesce(sum(paid_twice), 0) FROM message_batches)::int AS paid_twice,
            ((SELECT count(*) FROM holds WHERE state = 'open') + (SELECT count(*) FROM leases WHERE expires_at > now())
              + (SELECT count(*) FROM processes WHERE ended_at IS NULL AND reaped_at IS NULL)
              + (SELECT count(*) FROM attempts WHERE state = 'open'))::int AS leaks`,
  );
  const [row = { lost: 0, paid_twice: 0, leaks: 0 }] = rows;
  return { lost: row.lost, paidTwice: row.paid_twice, leaks: row.leaks };
}
