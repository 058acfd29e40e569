// Holds under contention: 32 connections take, settle and release them over random scopes while limits move and budgets come and go.
// What must be true at the end is read from the rows, and the server itself says whether it ever had to break a deadlock.
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "../../src/config/ids.ts";
import { systemClock } from "../../src/config/clock.ts";
import { ServiceError } from "../../src/domain/errors.ts";
import { changeBudget, createBudget, endBudget } from "../../src/money/budgets.ts";
import { silentLog } from "../../src/observe/log.ts";
import type { ClaimedJob } from "../../src/postgres/claim.ts";
import { formIntent } from "../../src/postgres/message-batch-intent.ts";
import { openPool, type Pool } from "../../src/postgres/pool.ts";
import { recordAttempts } from "../../src/postgres/record.ts";
import { seedBulk, type SeededBulk, seedQueue, seedTenant } from "../control/seed.ts";
import {
  booksAt,
  dispatchJobs,
  endOf,
  seedBudget,
  type SeededBudget,
  worstOfSeeded,
  wrongWindows,
} from "../support/claims.ts";
import { cloneDatabase, type TestDatabase } from "../support/stores.ts";
import { waitFor } from "../support/wait.ts";

const connections = 32;
const rounds = 12;
const jobsPerBulk = 24;

let database: TestDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await cloneDatabase();
  pool = openPool(database.url, { max: 4, applicationName: "test", log: silentLog });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

/** A repeatable stream of draws: a failure can be run again with its seed. */
function draws(seed: number): { below(bound: number): number; of<T>(list: readonly T[]): T } {
  let state = seed >>> 0;
  const below = (bound: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
  const of = <T>(list: readonly T[]): T => {
    const one = list[below(list.length)];
    if (one === undefined) throw new Error("an empty list");
    return one;
  };
  return { below, of };
}

const teams = ["a", "b", "c"];

/** Two tenants with three queues each, bulks in both lanes with labels, and budgets of every scope over them. */
async function seedWork(): Promise<{ bulks: SeededBulk[]; budgets: string[] }> {
  const chance = draws(1);
  const bulks: SeededBulk[] = [];
  const tenants = [await seedTenant(pool), await seedTenant(pool)];
  for (const tenantId of tenants) {
    for (let n = 0; n < 3; n += 1) {
      const queue = await seedQueue(pool, tenantId);
      for (const lane of ["realtime", "realtime", "batch"] as const)
        bulks.push(await seedBulk(pool, { jobs: jobsPerBulk, tenantId, queueId: queue.id, lane }));
    }
  }
  for (const { bulkId } of bulks)
    await pool.query("UPDATE bulks SET labels = jsonb_build_object('team', $2::text) WHERE id = $1", [
      bulkId,
      chance.of(teams),
    ]);
  await pool.query(
    `UPDATE jobs SET labels = jsonb_build_object('team', ($1::text[])[1 + line % 3], 'feature', 'f' || line % 2) WHERE line % 4 = 0`,
    [teams],
  );
  return { bulks, budgets: await seedBudgets(tenants, bulks) };
}

async function seedBudgets(tenants: readonly string[], bulks: readonly SeededBulk[]): Promise<string[]> {
  const limit = (jobs: number): { limitNano: bigint } => ({ limitNano: worstOfSeeded * BigInt(jobs) });
  const seeds: SeededBudget[] = [
    { scope: "global", ...limit(150) },
    { scope: "global", ...limit(120), window: "day" },
    { scope: "job_type", target: "classify-intent", ...limit(130), window: "month" },
    ...tenants.map((tenantId) => ({ scope: "tenant" as const, target: tenantId, ...limit(80) })),
    ...tenants.map((tenantId) => ({ scope: "tenant" as const, tenantId, target: tenantId, ...limit(70) })),
    ...teams.map((team) => ({
      scope: "label" as const,
      target: `team:${team}`,
      ...limit(50),
      window: "day" as const,
    })),
    { scope: "label", tenantId: tenants[0] ?? "", target: "feature:f0", ...limit(9) },
    ...[...new Map(bulks.map((bulk) => [bulk.queueId, bulk])).values()].map(({ queueId, tenantId }) => ({
      scope: "queue" as const,
      tenantId,
      target: queueId,
      ...limit(40),
    })),
    ...bulks
      .filter((_, at) => at % 3 === 0)
      .map(({ bulkId, tenantId }) => ({ scope: "bulk" as const, tenantId, target: bulkId, ...limit(12) })),
  ];
  const ids: string[] = [];
  for (const seed of seeds) ids.push(await seedBudget(pool, seed));
  return ids;
}

type Chance = ReturnType<typeof draws>;

/** A worker with one connection: claims some jobs, ends some of what it runs, again and again; then it ends the rest. */
async function work(own: Pool, bulks: readonly SeededBulk[], chance: Chance): Promise<number> {
  const books = booksAt(own, systemClock);
  const running: ClaimedJob[] = [];
  const realtime = bulks.flatMap((bulk) => bulk.jobIds);
  let claimed = 0;
  for (let round = 0; round < rounds; round += 1) {
    const some = Array.from({ length: 1 + chance.below(8) }, () => chance.of(realtime));
    const claims = await dispatchJobs(own, [...new Set(some)]);
    const ended = running.splice(0, chance.below(running.length + 1));
    const ends = ended.map((job) =>
      endOf(job, chance.below(3) === 0 ? null : BigInt(chance.below(Number(job.worstNano)))),
    );
    const [answers] = await Promise.all([
      Promise.all(claims.map((claim) => books.claim(claim))),
      ...ends.map((end) => books.record(end)),
    ]);
    for (const answer of answers) if (answer.claimed) running.push(answer.job);
    claimed += answers.filter((answer) => answer.claimed).length;
  }
  // The last third stays open: what is held then must be seen in the windows.
  await recordAttempts(
    own,
    running.slice(0, Math.ceil((running.length * 2) / 3)).map((job) => endOf(job, job.worstNano)),
  );
  return claimed;
}

/** A collector with one connection: packs lines and lets some of them end. */
async function pack(own: Pool, bulks: readonly SeededBulk[], chance: Chance): Promise<number> {
  let lines = 0;
  for (let round = 0; round < rounds; round += 1) {
    const { queueId, tenantId, bulkId } = chance.of(bulks);
    const end = await formIntent(own, {
      queue: { queueId, tenantId },
      bulks: [{ bulkId, tenantId, jobType: "classify-intent", accepted: jobsPerBulk, waiting: 1 }],
      shares: new Map([[bulkId, 1 + chance.below(9)]]),
      limits: { linesMax: 100, bytesMax: 1_000_000 },
      lingerMs: 0,
      openMax: 100,
      credentialId: "default",
      processId: newId(),
      unbudgeted: "refuse",
      now: systemClock.now(),
      isOpen: () => true,
      models: { held: new Set(), probing: new Map() },
      newId,
    });
    if (end.kind !== "formed") continue;
    lines += end.lines;
    const { rows } = await own.query<{ job_id: string; no: number }>(
      "SELECT job_id, no FROM attempts WHERE message_batch_id = $1 AND state = 'open' ORDER BY job_id LIMIT $2",
      [end.batchId, 1 + chance.below(end.lines)],
    );
    await recordAttempts(
      own,
      rows.map(({ job_id: id, no: attemptNo }) => endOf({ id, attemptNo }, 1_000n)),
    );
  }
  return lines;
}

/** An operator with one connection: raises, lowers and forces limits, makes and ends budgets. */
async function operate(own: Pool, bulks: readonly SeededBulk[], budgets: readonly string[], chance: Chance) {
  const deps = { pool: own, clock: systemClock, log: silentLog, newId };
  const said = { reason: "a race", actor: "test" };
  for (let round = 0; round < rounds; round += 1) {
    const limitNano = worstOfSeeded * BigInt(60 + chance.below(100));
    await changeBudget(deps, {
      id: chance.of(budgets),
      limitNano,
      force: false,
      mayRaise: true,
      ...said,
    }).catch(refusedOnly);
    const { bulkId, tenantId } = chance.of(bulks);
    const wish = { scope: "bulk", window: "day", timeZone: "UTC", whenBound: "wait", owner: "ada" } as const;
    const id = await createBudget(deps, { ...wish, tenantId, target: bulkId, limitNano, ...said }).catch(
      refusedOnly,
    );
    if (id !== undefined && chance.below(2) === 0) await endBudget(deps, { id, ...said });
  }
}

/** A limit that is too low now, a budget that is there already: answers, not failures. */
function refusedOnly(error: unknown): undefined {
  if (error instanceof ServiceError && (error.code === "budget_below_committed" || error.code === "conflict"))
    return undefined;
  throw error;
}

test(`${connections} connections with random scopes: no deadlock, and what is held is the sum of the open holds`, async () => {
  const { bulks, budgets } = await seedWork();
  const realtime = bulks.filter((_, at) => at % 3 !== 2);
  const batch = bulks.filter((_, at) => at % 3 === 2);
  const pools = Array.from({ length: connections }, () =>
    openPool(database.url, { max: 1, applicationName: "contender", log: silentLog }),
  );
  const counts = await Promise.all(
    pools.map((own, at) => {
      const chance = draws(100 + at);
      if (at % 8 === 0) return operate(own, bulks, budgets, chance).then(() => 0);
      return at % 8 === 1 ? pack(own, batch, chance) : work(own, realtime, chance);
    }),
  );
  await Promise.all(pools.map((own) => own.end()));
  expect(counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(150);

  expect(await wrongWindows(pool)).toEqual([]);
  const { rows } = await pool.query<Record<string, bigint>>(
    `SELECT (SELECT count(*) FROM holds WHERE state = 'open') AS open_holds, (SELECT count(*) FROM hold_parts WHERE remaining_nano > 0) AS open_parts,
            (SELECT count(DISTINCT budget_id) FROM budget_windows WHERE held_nano > 0) AS budgets_held,
            (SELECT count(*) FROM jobs WHERE wait_reason = 'budget') AS waiting`,
  );
  expect(rows[0]?.["open_holds"]).toBeGreaterThan(0n);
  expect(rows[0]?.["budgets_held"]).toBeGreaterThan(5n);
  expect(rows[0]?.["waiting"]).toBeGreaterThan(0n);
  expect(await brokenHolds()).toEqual([]);
  expect(await deadlocks()).toBe(0);
});

/** Holds whose parts, attempts and states contradict each other. */
async function brokenHolds(): Promise<unknown[]> {
  const { rows } = await pool.query(
    `SELECT h.id, h.state FROM holds h
      WHERE (h.state = 'open') <> EXISTS (SELECT 1 FROM attempts a WHERE a.hold_id = h.id AND a.state = 'open')
         OR EXISTS (SELECT 1 FROM hold_parts p WHERE p.hold_id = h.id AND p.remaining_nano > 0 AND h.state <> 'open')
         OR h.remaining_nano <> (SELECT coalesce(sum(a.worst_nano), 0) FROM attempts a WHERE a.hold_id = h.id AND a.state = 'open')`,
  );
  return rows;
}

/** How many deadlocks the server has broken in this database; its sessions report when they end. */
async function deadlocks(): Promise<number> {
  await waitFor("the contenders' sessions to be gone", async () => {
    const { rows } = await pool.query("SELECT 1 FROM pg_stat_activity WHERE application_name = 'contender'");
    return rows.length === 0;
  });
  const reader = new pg.Client({ connectionString: database.url });
  await reader.connect();
  const { rows } = await reader.query<{ n: number }>(
    "SELECT deadlocks::int AS n FROM pg_stat_database WHERE datname = current_database()",
  );
  await reader.end();
  return rows[0]?.n ?? -1;
}

test("a hold is released once, however many settle it at the same moment", async () => {
  const bulk = await seedBulk(pool, { jobs: 1 });
  const id = await seedBudget(pool, { scope: "bulk", target: bulk.bulkId, limitNano: 2n * worstOfSeeded });
  await pool.query("UPDATE budgets SET ended_at = now() WHERE id <> $1 AND ended_at IS NULL", [id]);
  const books = booksAt(pool, systemClock);
  const [claim] = await dispatchJobs(pool, bulk.jobIds);
  const answer = claim === undefined ? undefined : await books.claim(claim);
  if (answer?.claimed !== true) throw new Error("it was not claimed");
  const pools = Array.from({ length: connections }, () =>
    openPool(database.url, { max: 1, applicationName: "contender", log: silentLog }),
  );
  const answers = await Promise.all(
    pools.map((own, at) => recordAttempts(own, [endOf(answer.job, at % 2 === 0 ? 200_000n : null)])),
  );
  await Promise.all(pools.map((own) => own.end()));
  const recorded = answers.flat().map((one) => one.recorded);
  expect(recorded.filter((one) => one === "now")).toHaveLength(1);
  expect(new Set(recorded)).toEqual(new Set(["now", "already"]));
  expect(await wrongWindows(pool)).toEqual([]);
  const { rows } = await pool.query(
    `SELECT h.state = 'open' AS open, h.remaining_nano, w.held_nano FROM holds h JOIN hold_parts p ON p.hold_id = h.id
       JOIN budget_windows w ON w.id = p.window_id WHERE w.budget_id = $1`,
    [id],
  );
  expect(rows).toEqual([{ open: false, remaining_nano: 0n, held_nano: 0n }]);
});
