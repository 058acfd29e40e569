// A backup while everything runs, back into an empty database: whole or not at all, marked and stopped.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { exitCodes } from "../../src/cli/exit-codes.ts";
import { documentOf, run } from "../cli/cli.ts";
import { silentLog } from "../../src/observe/log.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { queryOne } from "../../src/postgres/query.ts";
import { startService } from "../../src/processes/service.ts";
import { openInstallation } from "../support/installation.ts";
import type { Installation } from "../support/installation.ts";
import { submitBulk } from "../support/submit.ts";
import { waitFor } from "../support/wait.ts";
import { freshDatabase } from "./fresh-database.ts";
import type { FreshDatabase } from "./fresh-database.ts";

/** As any door would lift it. */
const liftStop = queryOne("recover/lift-stop");

let installation: Installation;
let target: FreshDatabase;
let dir: string;
beforeEach(async () => {
  installation = await openInstallation();
  target = await freshDatabase();
  dir = mkdtempSync(join(tmpdir(), "sluice-backup-"));
});
afterEach(async () => {
  await installation.close();
  await target.drop();
  rmSync(dir, { recursive: true, force: true });
});

const shared = { labels: ["card_lost", "refund", "change_pin"] };
const inputs = (howMany: number): Record<string, unknown>[] =>
  Array.from({ length: howMany }, (_, n) => ({ text: `Back\\slash\tand "quote"\n\\.\nnumber ${n}` }));
const onTarget = () => ({ ...installation.environment, DATABASE_URL: target.url });
const file = (): string => join(dir, "one.backup.gz");

const backup = (name = file()) => run(["backup", name, "--json"], { environment: installation.environment });
const restore = (name = file(), ...more: string[]) =>
  run(["restore", name, "--json", ...more], { environment: onTarget() });
/** Calls and creates that have reached the provider. */
function sent(): number {
  const { log } = installation.simulator.world;
  const view = log.view({ path: "/v1/messages", method: "POST", since: 0, limit: 100_000 });
  const requests = view["requests"] as { endpoint: string }[];
  return requests.filter(({ endpoint }) => /messages(\/batches)?$/.test(endpoint)).length;
}
const count = async (table: string): Promise<number> =>
  Number((await target.rows<{ n: string }>(`SELECT count(*) AS n FROM ${table}`))[0]?.n);

test("a backup taken under load is one instant: it comes back with every row, agreeing with itself, and everything is stopped", async () => {
  const service = await startService(installation.config, silentLog);
  await submitBulk(installation.databaseUrl, { lane: "realtime", inputs: inputs(300), shared });
  await submitBulk(installation.databaseUrl, { lane: "batch", inputs: inputs(300), shared });
  await waitFor("work to be under way", async () => {
    const { rows } = await installation.db.query("SELECT 1 FROM jobs WHERE state = 'succeeded' LIMIT 1");
    return rows.length > 0;
  });
  await installation.db.query("CREATE TABLE notes (of_somebody_else text)");
  await installation.db.query(
    "INSERT INTO count_trust (model, samples, worst_bp) VALUES ('claude-haiku-5-5', 80, 300)",
  );
  const made = await backup();
  expect(made).toMatchObject({ code: 0, stderr: "" });
  const { rows } = documentOf(made) as { rows: Record<string, number> };
  const tables = await installation.db.query<{ name: string }>(
    "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN ('sluice_migrations', 'notes')",
  );
  expect(Object.keys(rows).toSorted()).toEqual(tables.rows.map(({ name }) => name).toSorted());
  expect(rows).toMatchObject({ bulks: 2, jobs: 600, job_inputs: 600 });
  expect(statSync(file()).mode & 0o777).toBe(0o600);
  await service.close();

  const ran = await restore();
  expect(ran).toMatchObject({ code: 0, stderr: "" });
  for (const [table, many] of Object.entries(rows)) {
    const extra = { audit_events: 2, flags: 1, restores: 1, stops: 1 }[table] ?? 0;
    // oxlint-disable-next-line no-await-in-loop -- one connection
    expect([table, await count(table)]).toEqual([table, many + extra]);
  }
  expect(
    await target.rows(
      `SELECT 1 FROM jobs j WHERE cost_nano <> (SELECT coalesce(sum(amount_nano), 0) FROM ledger l WHERE l.job_id = j.id)
        UNION ALL SELECT 1 FROM budget_windows w
         WHERE held_nano <> (SELECT coalesce(sum(remaining_nano), 0) FROM hold_parts p WHERE p.window_id = w.id)`,
    ),
  ).toEqual([]);
  expect(
    await target.rows("SELECT md5(string_agg(input, '' ORDER BY job_id)) AS text FROM job_inputs"),
  ).toEqual(
    (await installation.db.query("SELECT md5(string_agg(input, '' ORDER BY job_id)) AS text FROM job_inputs"))
      .rows,
  );
  // The chain of the audit goes on where it was, and what was append-only is so again.
  expect(
    await target.rows(
      "SELECT 1 FROM audit_events a JOIN audit_events b ON b.id = a.id + 1 WHERE b.previous <> a.hash",
    ),
  ).toEqual([]);
  await expect(target.rows("DELETE FROM ledger")).rejects.toThrow("append-only");
  // A count may have been refuted since.
  expect(await target.rows("SELECT samples, worst_bp FROM count_trust")).toEqual([
    { samples: "0", worst_bp: "0" },
  ]);
  expect(
    await target.rows("SELECT set_by, mode FROM flags WHERE lifted_at IS NULL AND kind = 'stop'"),
  ).toEqual([{ set_by: "restore", mode: "abort" }]);
  await expect(
    target.rows("UPDATE flags SET lifted_at = now(), lifted_by = 'x' WHERE kind = 'stop'"),
  ).rejects.toThrow("sluice recover");

  const pool = openPool(target.url, { max: 1, applicationName: "test", log: silentLog });
  await expect(liftStop(pool, ["somebody"])).rejects.toMatchObject({ code: "restore_unrecovered" });
  await pool.end();
  const before = sent();
  const restored = await installation.start({ DATABASE_URL: target.url, SLUICE_QUEUE_PREFIX: "restored" });
  expect(restored.describe.warnings[0]).toContain("run sluice recover");
  // Batches that were known are fetched through the stop; nothing new is begun. The reaper shows that its roles are at work.
  await waitFor(
    "what was in flight to be booked",
    async () =>
      (await target.rows("SELECT 1 FROM attempts WHERE state = 'open' AND lane = 'realtime'")).length === 0,
    { timeoutMs: 25_000 },
  );
  expect(sent()).toBe(before);
}, 120_000);

test("a damaged backup changes nothing: an altered row, a missing one, a cut file, another file", async () => {
  await installation.start();
  await submitBulk(installation.databaseUrl, { lane: "realtime", inputs: inputs(5), shared });
  await backup();
  const text = gunzipSync(readFileSync(file())).toString("latin1");
  const broken: Record<string, Buffer> = {
    altered: gzipSync(Buffer.from(text.replace("number 3", "number 4"), "latin1")),
    missing: gzipSync(Buffer.from(text.replace(/^[^\n]*number 3[^\n]*\n/m, ""), "latin1")),
    endless: gzipSync(Buffer.from(text.slice(0, -20), "latin1")),
    cut: readFileSync(file()).subarray(0, 2_000),
    other: Buffer.from("this is not a backup"),
  };
  for (const [name, bytes] of Object.entries(broken)) {
    const path = join(dir, `${name}.gz`);
    writeFileSync(path, bytes);
    // oxlint-disable-next-line no-await-in-loop -- one database
    const ran = await restore(path);
    expect([name, ran.code, ran.stderr]).toEqual([
      name,
      exitCodes.refused,
      expect.stringContaining("backup_damaged"),
    ]);
    // oxlint-disable-next-line no-await-in-loop -- as above
    const [{ made } = { made: false }] = await target.rows<{ made: boolean }>(
      "SELECT to_regclass('jobs') IS NOT NULL AS made",
    );
    // oxlint-disable-next-line no-await-in-loop -- as above
    expect(made ? await count("jobs") : 0).toBe(0);
  }
  expect((await restore()).code).toBe(0);
  expect(await count("jobs")).toBe(5);
}, 120_000);

test("a database that holds work is not overwritten, but when that is wished and said twice", async () => {
  const service = await startService(installation.config, silentLog);
  await backup();
  await service.close();
  expect((await restore()).code).toBe(0);
  const again = await restore();
  expect(again).toMatchObject({ code: exitCodes.refused });
  expect(again.stderr).toContain("restore_refused");
  const asked = await run(["restore", file(), "--force"], { environment: onTarget(), stdin: "no\n" });
  expect(asked).toMatchObject({ code: exitCodes.usage });
  expect(asked.stderr).toContain("is replaced. Type");
  expect(
    await run(["restore", file(), "--force"], { environment: onTarget(), stdin: "replace\n" }),
  ).toMatchObject({ code: 0 });
  expect((await restore(file(), "--force", "--yes")).code).toBe(0);
  await installation.start({ DATABASE_URL: target.url, SLUICE_QUEUE_PREFIX: "restored" });
  const busy = await restore(file(), "--force", "--yes");
  expect(busy.stderr).toContain("stop them first");
  // Nobody is asked about what is not going to happen.
  const unasked = await run(["restore", file(), "--force"], { environment: onTarget(), stdin: "replace\n" });
  expect(unasked).toMatchObject({ code: exitCodes.refused });
  expect(unasked.stderr).toContain("stop them first");
  expect(unasked.stderr).not.toContain('Type "replace"');
}, 120_000);

test("memory stays flat, whatever the size: a hundred megabytes go out and come back through a few", async () => {
  await installation.db.query(
    `INSERT INTO job_inputs (job_id, tenant_id, input)
     SELECT n::text, 'installation', (SELECT string_agg(md5(n::text || k), '') FROM generate_series(1, 32) k) FROM generate_series(1, 100000) n`,
  );
  const usedMb = (): number => {
    const { heapUsed, external } = process.memoryUsage();
    return (heapUsed + external) / 1_000_000;
  };
  const before = usedMb();
  let most = 0;
  const timer = setInterval(() => (most = Math.max(most, usedMb() - before)), 10);
  expect((await backup()).code).toBe(0);
  expect((await restore()).code).toBe(0);
  clearInterval(timer);
  expect(await count("job_inputs")).toBe(100_000);
  expect(most).toBeLessThan(80);
}, 120_000);
