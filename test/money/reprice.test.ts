// What was booked at a wrong price is put right by corrections, once, and the books equal the bill afterwards.
import { afterEach, expect, test } from "vitest";
import { newId } from "../../src/config/ids.ts";
import { openBatchFixture } from "../lanes/batch-fixture.ts";
import type { BatchFixture } from "../lanes/batch-fixture.ts";
import { judgeLane } from "../lanes/batch-judge.ts";
import { documentOf, run } from "../cli/cli.ts";

let fixture: BatchFixture | undefined;
afterEach(async () => {
  await fixture?.close();
  fixture = undefined;
});

async function settled(lines: number): Promise<BatchFixture> {
  fixture = await openBatchFixture();
  await fixture.rows(
    `INSERT INTO budgets (id, tenant_id, scope, target, owner, limit_nano, window_kind)
     SELECT $1, q.tenant_id, 'queue', q.id, 'test', 1000000000, 'day' FROM queues q WHERE q.name = 'default'`,
    [newId()],
  );
  await fixture.submit(lines);
  await fixture.drive();
  await judgeLane(fixture);
  return fixture;
}

/** Leaves the books as a release with a price table `times` too high in its factor would have: everything agrees but the bill. */
async function misprice({ rows }: BatchFixture, extra: string): Promise<void> {
  await rows(
    `WITH wrong AS (
       UPDATE attempts SET cost_nano = cost_nano + ${extra} WHERE state = 'settled' RETURNING job_id, no, window_ids
     ), jobs_wrong AS (
       UPDATE jobs j SET cost_nano = j.cost_nano + ${extra} FROM wrong w WHERE j.id = w.job_id
     ), windows_wrong AS (
       UPDATE budget_windows b SET spent_nano = b.spent_nano + ${extra} * (SELECT count(*) FROM wrong w WHERE b.id = ANY (w.window_ids))
     )
     INSERT INTO ledger (tenant_id, kind, job_id, attempt_no, bulk_id, queue_id, job_type, prompt_version, model, lane, labels,
       hold_id, price_id, amount_nano, realtime_nano)
     SELECT l.tenant_id, 'correction', l.job_id, l.attempt_no, l.bulk_id, l.queue_id, l.job_type, l.prompt_version, l.model, l.lane,
            l.labels, l.hold_id, l.price_id, ${extra}, 0
       FROM ledger l JOIN wrong w ON w.job_id = l.job_id AND w.no = l.attempt_no WHERE l.kind <> 'correction'`,
  );
}

interface Repriced {
  dry_run: boolean;
  models: { model: string; checked: number; corrected: number; unpriced: number; change_usd: string }[];
}

const reprice = async (of: BatchFixture, ...argv: string[]): Promise<Repriced> => {
  const ran = await run(["reprice", "--json", ...argv], { environment: { DATABASE_URL: of.databaseUrl } });
  expect(ran).toMatchObject({ code: 0, stderr: "" });
  return documentOf(ran) as Repriced;
};

test("attempts booked too high are corrected, in the ledger, the jobs, the tallies and the windows; a second run finds nothing", async () => {
  const it = await settled(40);
  await misprice(it, "1000");
  const [before] = await it.rows<{ n: string }>("SELECT count(*) AS n FROM ledger");
  expect((await reprice(it, "--dry-run")).models).toMatchObject([
    { checked: 40, corrected: 40, unpriced: 0, change_usd: "-0.00004" },
  ]);
  expect(await it.rows("SELECT count(*) AS n FROM ledger")).toEqual([before]);

  expect((await reprice(it)).models).toMatchObject([{ checked: 40, corrected: 40, change_usd: "-0.00004" }]);
  await judgeLane(it);
  expect(
    await it.rows(
      "SELECT sum(spent_nano) = (SELECT sum(amount_nano) FROM ledger) AS equal FROM budget_windows WHERE spent_nano > 0",
    ),
  ).toEqual([{ equal: true }]);
  expect(
    await it.rows(
      `SELECT (SELECT sum(cost_nano) FROM (SELECT cost_nano FROM job_tallies UNION ALL SELECT cost_nano FROM job_tally_changes) t)
            = (SELECT sum(cost_nano) FROM jobs) AS equal`,
    ),
  ).toEqual([{ equal: true }]);
  expect(
    await it.rows(
      "SELECT act, actor LIKE 'operator:%' AS person FROM audit_events WHERE act = 'ledger.repriced'",
    ),
  ).toEqual([{ act: "ledger.repriced", person: true }]);

  expect((await reprice(it)).models).toMatchObject([{ checked: 40, corrected: 0, change_usd: "0.00" }]);
  await judgeLane(it);
});

test("an attempt booked at its worst case, because nobody knew its price, is settled once the table knows it", async () => {
  const it = await settled(3);
  await it.rows("UPDATE attempts SET state = 'presumed', cost_nano = cost_nano + 500");
  await it.rows("UPDATE jobs SET presumed_nano = cost_nano + 500");
  await it.rows("UPDATE jobs SET cost_nano = cost_nano + 500");
  await it.rows("UPDATE budget_windows SET spent_nano = spent_nano + 1500 WHERE spent_nano > 0");
  await it.rows(
    `INSERT INTO ledger (tenant_id, kind, job_id, attempt_no, bulk_id, queue_id, job_type, prompt_version, model, lane, price_id, amount_nano, realtime_nano)
     SELECT tenant_id, 'correction', job_id, attempt_no, bulk_id, queue_id, job_type, prompt_version, model, lane, price_id, 500, 0 FROM ledger WHERE kind = 'settle'`,
  );
  expect((await reprice(it)).models).toMatchObject([{ checked: 3, corrected: 3, change_usd: "-0.0000015" }]);
  expect(
    await it.rows(
      "SELECT DISTINCT a.state, j.presumed_nano::text AS presumed FROM attempts a JOIN jobs j ON j.id = a.job_id",
    ),
  ).toEqual([{ state: "settled", presumed: "0" }]);
  await judgeLane(it);
});

test("a correction downwards tells the lanes that there is room, one upwards does not", async () => {
  const it = await settled(3);
  const listener = await it.pool.connect();
  const heard: string[] = [];
  listener.on("notification", ({ channel }) => heard.push(channel));
  await listener.query("LISTEN sluice_budget");
  try {
    await misprice(it, "-1");
    await reprice(it);
    await listener.query("SELECT 1");
    expect(heard).toEqual([]);
    await misprice(it, "1000");
    await reprice(it);
    await expect.poll(() => heard).toEqual(["sluice_budget"]);
  } finally {
    listener.release(true);
  }
});

test("only what was asked about is priced again", async () => {
  const it = await settled(5);
  await misprice(it, "1000");
  expect((await reprice(it, "--model", "claude-opus-5")).models).toEqual([]);
  expect((await reprice(it, "--to", "2020-01-01")).models).toEqual([]);
  expect((await reprice(it, "--from", "2020-01-01")).models).toMatchObject([{ corrected: 5 }]);
  await judgeLane(it);
});
