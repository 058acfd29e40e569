// A turn that was paid for is shown whichever way its job ends, and by every way of reading a result.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { silentLog } from "../../src/observe/log.ts";
import { cancelOpenJobs } from "../../src/postgres/cancel.ts";
import type { ClaimedJob } from "../../src/postgres/claim.ts";
import { findJob, readResultsByFinish, readResultsByLine } from "../../src/postgres/jobs-read.ts";
import { openPool } from "../../src/postgres/pool.ts";
import type { Pool } from "../../src/postgres/pool.ts";
import { recordAttempts } from "../../src/postgres/record.ts";
import { createExpiry } from "../../src/upkeep/expiry.ts";
import { createReaper } from "../../src/upkeep/reaper.ts";
import { seedBulk } from "../control/seed.ts";
import type { SeededBulk } from "../control/seed.ts";
import { booksAt, claimJobs, endOf } from "../support/claims.ts";
import { cloneDatabase } from "../support/stores.ts";
import type { TestDatabase } from "../support/stores.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let database: TestDatabase;
let pool: Pool;
beforeAll(async () => {
  database = await cloneDatabase();
  pool = openPool(database.url, { max: 5, applicationName: "test", log: silentLog });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

async function claimOne(bulk: SeededBulk): Promise<ClaimedJob> {
  const books = booksAt(pool, { now: () => new Date(), unbudgeted: "allow" });
  const [answer] = await claimJobs(pool, books, bulk.jobIds);
  if (answer?.claimed !== true) throw new Error("not claimed");
  return answer.job;
}

/** Text that jsonb could not hold, and one that a careless reader would take apart. */
const said = (turn: number): object[] => [
  {
    type: "server_tool_use",
    id: `srvtoolu_${turn}`,
    name: "web_search",
    input: { query: 'a "]}" \u0000 b' },
  },
  { type: "text", text: `turn ${turn}` },
];

/** A job that has paused twice and waits to go on. */
async function paused(): Promise<SeededBulk> {
  const bulk = await seedBulk(pool, { jobs: 1 });
  await pool.query(`UPDATE bulks SET caps = '{"continuations_max": 3}' WHERE id = $1`, [bulk.bulkId]);
  await pool.query("UPDATE jobs SET attempts_max = 1 WHERE bulk_id = $1", [bulk.bulkId]);
  for (const turn of [1, 2]) {
    const continuation = {
      turn: JSON.stringify({ role: "assistant", content: said(turn) }),
      request: { bytes: 100 + turn, inputTokensMax: 100 + turn, toolRounds: turn },
      requestSha256: Buffer.from([turn]),
    };
    const next = { state: "queued", retryReason: "pause_turn", countsTry: false, continuation } as const;
    // oxlint-disable-next-line no-await-in-loop -- one turn after the other
    const { jobId, attemptNo, attempt } = endOf(await claimOne(bulk), 1_000n);
    // oxlint-disable-next-line no-await-in-loop -- as above
    const [answer] = await recordAttempts(pool, [{ jobId, attemptNo, attempt, next }]);
    expect(answer).toMatchObject({ jobMoved: true, brokenCap: null });
  }
  return bulk;
}

const ways: Record<string, (bulk: SeededBulk) => Promise<unknown>> = {
  "failed, its worker lost with its last attempt": async (bulk) => {
    await claimOne(bulk);
    await createReaper({ pool, log: silentLog }).runOnce();
  },
  "failed, its request no longer what was accepted": async (bulk) => {
    const unsent = endOf(await claimOne(bulk), null);
    const next = { state: "failed", failureCode: "request_changed", failureFault: "sluice" } as const;
    await recordAttempts(pool, [{ ...unsent, next }]);
  },
  "failed, by a cap behind an attempt that brought nothing": async (bulk) => {
    await pool.query(`UPDATE bulks SET caps = '{"total_tokens_max": 1}' WHERE id = $1`, [bulk.bulkId]);
    const next = { state: "queued", retryReason: "lost_worker", countsTry: true } as const;
    const lost = endOf(await claimOne(bulk), 1_000n);
    await recordAttempts(pool, [
      { jobId: lost.jobId, attemptNo: lost.attemptNo, attempt: { ...lost.attempt, state: "presumed" }, next },
    ]);
  },
  "expired, waiting to go on": async (bulk) => {
    await pool.query("UPDATE bulks SET expires_at = now() - interval '1 minute' WHERE id = $1", [
      bulk.bulkId,
    ]);
    await createExpiry({ database: pool, log: silentLog }).runOnce();
  },
  "canceled, waiting to go on": async (bulk) => cancelOpenJobs(pool, bulk.bulkId),
};

test.each(Object.entries(ways))("%s", async (name, end) => {
  const bulk = await paused();
  await end(bulk);
  const state = name.slice(0, name.indexOf(","));
  const job = await findJob(pool, bulk.jobIds[0] ?? "", bulk.tenantId);
  expect(job).toMatchObject({ state, reason: "pause_turn" });
  expect(JSON.parse(job?.output ?? "null")).toEqual({
    content: [...said(1), ...said(2)],
    stop_reason: "pause_turn",
  });
  const page = { after: 0, to: 1_000_000, rowsMax: 10 };
  for (const rows of [
    await readResultsByLine(pool, bulk.bulkId, { ...page, outcomes: [state] }),
    await readResultsByFinish(pool, bulk.bulkId, page),
  ])
    expect(rows).toMatchObject([{ state, output: job?.output, reason: "pause_turn" }]);
});

test("a job that ends with an answer of its own shows that one alone", async () => {
  const bulk = await paused();
  await recordAttempts(pool, [endOf(await claimOne(bulk), 1_000n)]);
  expect(await findJob(pool, bulk.jobIds[0] ?? "", bulk.tenantId)).toMatchObject({
    state: "succeeded",
    output: "{}",
    reason: null,
  });
});
