// After a restore the ceiling holds only when what the provider did since is in the books: batches are found and harvested, realtime
// spend is counted, and until then nothing starts.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { exitCodes } from "../../src/cli/exit-codes.ts";
import { silentLog } from "../../src/observe/log.ts";
import { startService } from "../../src/processes/service.ts";
import type { SimulatorOptions } from "../../src/simulator/options.ts";
import { documentOf, run } from "../cli/cli.ts";
import { openInstallation } from "../support/installation.ts";
import type { Installation } from "../support/installation.ts";
import { judge } from "../support/referee.ts";
import { setBudget, submitBulk } from "../support/submit.ts";
import { waitFor } from "../support/wait.ts";
import { freshDatabase } from "./fresh-database.ts";
import type { FreshDatabase } from "./fresh-database.ts";

let installation: Installation;
let target: FreshDatabase;
let dir: string;
beforeEach(async () => {
  target = await freshDatabase();
  dir = mkdtempSync(join(tmpdir(), "sluice-recover-"));
});
afterEach(async () => {
  await installation.close();
  await target.drop();
  rmSync(dir, { recursive: true, force: true });
});

const shared = { labels: ["card_lost", "refund", "change_pin"] };
const inputs = (howMany: number, word = "card"): Record<string, unknown>[] =>
  Array.from({ length: howMany }, (_, n) => ({ text: `I lost my ${word} number ${n}, please help` }));
const dollar = 1_000_000_000n;

/** Work on the first database until the last bulk is finished, as the machine did before it was lost. */
async function runUntil(condition: () => Promise<boolean>): Promise<void> {
  const service = await startService(installation.config, silentLog);
  await waitFor("the work to be done", condition, { timeoutMs: 25_000 });
  await service.close();
}
const allFinished = async (): Promise<boolean> =>
  (await installation.db.query("SELECT 1 FROM bulks WHERE finished_at IS NULL")).rowCount === 0;

async function open(simulator: SimulatorOptions = {}): Promise<void> {
  installation = await openInstallation({ simulator });
  await runUntil(() => Promise.resolve(true));
  await setBudget(installation.db, dollar);
}

const onTarget = () => ({ ...installation.environment, DATABASE_URL: target.url });
const command = async (...argv: string[]) => run([...argv, "--json"], { environment: onTarget() });

async function backupNow(): Promise<void> {
  const made = await run(["backup", join(dir, "b.gz")], { environment: installation.environment });
  expect(made).toMatchObject({ code: 0, stderr: "" });
}
async function restoreIt(): Promise<void> {
  expect(await command("restore", join(dir, "b.gz"))).toMatchObject({ code: 0, stderr: "" });
}

interface Recovered {
  recovered: boolean;
  realtime_usd: string;
  batches: { provider_id: string; kind: string; lines: number; results_lost: number }[];
}
async function recover(...argv: string[]): Promise<Recovered & { code: number }> {
  const ran = await command("recover", ...argv);
  expect(ran.stderr).toBe("");
  return { ...(documentOf(ran) as Recovered), code: ran.code };
}

const resume = () =>
  installation.start({
    DATABASE_URL: target.url,
    SLUICE_QUEUE_PREFIX: `${installation.config.queuePrefix}-b`,
  });
const stopped = async (): Promise<boolean> =>
  (await target.rows("SELECT 1 FROM flags WHERE kind = 'stop' AND lifted_at IS NULL")).length > 0;
const windows = () =>
  target.rows<{ spent: string; held: string }>(
    "SELECT spent_nano AS spent, held_nano AS held FROM budget_windows ORDER BY id",
  );

test("a batch created after the backup is found, held and harvested: no line is paid again, and the ceiling holds", async () => {
  await open();
  const { databaseUrl, simulator } = installation;
  await submitBulk(databaseUrl, { lane: "batch", inputs: inputs(20), shared });
  await runUntil(allFinished);
  await submitBulk(databaseUrl, { lane: "batch", inputs: inputs(50, "phone"), shared });
  await backupNow();
  await runUntil(allFinished);
  const bill = await simulator.totalNano();

  await restoreIt();
  expect(await stopped()).toBe(true);
  const done = await recover();
  expect(done).toMatchObject({ code: exitCodes.done, recovered: true, realtime_usd: "0.00" });
  expect(done.batches).toMatchObject([{ kind: "adopted", lines: 50, results_lost: 0 }]);
  expect(await stopped()).toBe(false);
  // The money of the found batch is reserved before anything may start again.
  const [window] = await windows();
  expect(BigInt(window?.spent ?? 0) + BigInt(window?.held ?? 0)).toBe(bill);

  await resume();
  await waitFor(
    "every job to have its outcome",
    async () => (await target.rows("SELECT 1 FROM bulks WHERE finished_at IS NULL")).length === 0,
    { timeoutMs: 25_000 },
  );
  await waitFor(
    "the batch to be ingested",
    async () => (await target.rows("SELECT 1 FROM message_batches WHERE state <> 'ingested'")).length === 0,
  );
  expect(await simulator.totalNano()).toBe(bill);
  expect(await target.rows("SELECT state, count(*)::integer AS n FROM jobs GROUP BY state")).toEqual([
    { state: "succeeded", n: 70 },
  ]);
  const report = await judge(target.client, simulator);
  expect(report.ledgerNano).toBe(bill);
  expect(await command("recover")).toMatchObject({ code: 0 });
}, 120_000);

test("where the found batch does not fit under its ceiling any more it is booked all the same, as overrun, and nothing new starts", async () => {
  await open();
  const { databaseUrl, simulator } = installation;
  await submitBulk(databaseUrl, { lane: "batch", inputs: inputs(8), shared });
  await backupNow();
  await runUntil(allFinished);
  const bill = await simulator.totalNano();
  await restoreIt();
  await target.rows("UPDATE budgets SET limit_nano = 1000");
  await target.rows("UPDATE budget_windows SET limit_nano = 1000");
  expect(await recover()).toMatchObject({ code: 0, batches: [{ kind: "adopted", lines: 8 }] });
  await resume();
  await submitBulk(target.url, { lane: "batch", inputs: inputs(3, "watch"), shared });
  await waitFor(
    "the batch to be ingested",
    async () => (await target.rows("SELECT 1 FROM message_batches WHERE state = 'ingested'")).length === 1,
    { timeoutMs: 25_000 },
  );
  await waitFor(
    "the new work to wait for the budget",
    async () =>
      (await target.rows("SELECT 1 FROM jobs WHERE state = 'queued' AND wait_reason = 'budget'")).length ===
      3,
  );
  const [sums] = await target.rows<{ spent: string; overrun: string; ledger: string }>(
    `SELECT spent_nano AS spent, overrun_nano AS overrun, (SELECT sum(amount_nano) FROM ledger) AS ledger FROM budget_windows`,
  );
  expect(sums).toEqual({ spent: String(bill), overrun: String(bill), ledger: String(bill) });
  expect(await simulator.totalNano()).toBe(bill);
}, 120_000);

test("lines of jobs that were accepted after the backup are paid for where the batch is; what runs or is nobody's blocks until it is decided", async () => {
  await open();
  const { databaseUrl, simulator } = installation;
  await submitBulk(databaseUrl, { lane: "batch", inputs: inputs(10), shared });
  await backupNow();
  await submitBulk(databaseUrl, { lane: "batch", inputs: inputs(15, "phone"), shared });
  await runUntil(allFinished);
  await submitBulk(databaseUrl, { lane: "batch", inputs: inputs(7, "watch"), shared });
  await runUntil(allFinished);
  const bill = await simulator.totalNano();

  await restoreIt();
  const first = await recover();
  expect(first).toMatchObject({ code: exitCodes.unrecovered, recovered: false });
  expect(first.batches.map(({ kind, lines, results_lost: lost }) => [kind, lines, lost])).toEqual([
    ["adopted", 25, 15],
    ["unproved", 7, 0],
  ]);
  expect(await stopped()).toBe(true);
  const unproved = first.batches.find(({ kind }) => kind === "unproved")?.provider_id ?? "";
  const second = await recover("--ours", unproved);
  expect(second).toMatchObject({ code: exitCodes.done, recovered: true });
  expect(second.batches).toMatchObject([{ kind: "adopted", lines: 7, results_lost: 7 }]);
  await resume();
  await waitFor(
    "everything to be ingested",
    async () => (await target.rows("SELECT 1 FROM message_batches WHERE state <> 'ingested'")).length === 0,
    { timeoutMs: 25_000 },
  );
  const [sum] = await target.rows<{ nano: string }>("SELECT sum(amount_nano) AS nano FROM ledger");
  expect(BigInt(sum?.nano ?? 0)).toBe(bill);
  expect(await simulator.totalNano()).toBe(bill);
}, 120_000);

test("realtime spend since is counted against every budget, once, and the operator's word is enough", async () => {
  await open();
  const { databaseUrl, simulator, db } = installation;
  await db.query(
    `INSERT INTO budgets (id, tenant_id, scope, target, owner, limit_nano, window_kind) VALUES ('everything', 'installation', 'global', '', 'test', $1, 'day')`,
    [dollar],
  );
  await submitBulk(databaseUrl, { lane: "realtime", inputs: inputs(5), shared });
  await runUntil(allFinished);
  const before = await simulator.totalNano();
  await backupNow();
  await submitBulk(databaseUrl, { lane: "realtime", inputs: inputs(25, "phone"), shared });
  await runUntil(allFinished);
  const after = await simulator.totalNano();

  await restoreIt();
  const done = await recover();
  expect(done).toMatchObject({ code: exitCodes.done, recovered: true, batches: [] });
  expect((await windows()).map(({ spent }) => BigInt(spent))).toEqual([after, after]);
  const [sum] = await target.rows<{ nano: string }>(
    "SELECT sum(amount_nano) AS nano FROM ledger WHERE tenant_id = 'recovered'",
  );
  expect(BigInt(sum?.nano ?? 0)).toBe(after - before);

  expect(await command("restore", join(dir, "b.gz"), "--force", "--yes")).toMatchObject({ code: 0 });
  expect(await recover("--realtime-usd", "0.25")).toMatchObject({ code: 0, realtime_usd: "0.25" });
  expect((await windows()).map(({ spent }) => BigInt(spent))).toEqual([
    before + dollar / 4n,
    before + dollar / 4n,
  ]);
}, 120_000);

test("a create under way when the backup was taken is in doubt, adopted, and not sent again", async () => {
  await open({ batchDurationMs: { min: 6_000, max: 7_000 } });
  const { databaseUrl, simulator, db } = installation;
  await submitBulk(databaseUrl, { lane: "batch", inputs: inputs(12), shared });
  await runUntil(
    async () => (await db.query("SELECT 1 FROM message_batches WHERE state = 'created'")).rowCount === 1,
  );
  // As the row stood a moment before the provider's answer: that is when the backup is taken.
  await db.query(
    "UPDATE message_batches SET state = 'creating', provider_id = NULL, processing_status = NULL",
  );
  await backupNow();
  await restoreIt();
  expect(await target.rows("SELECT state FROM message_batches")).toEqual([{ state: "doubtful" }]);
  await waitFor(
    "the batch to end",
    async () =>
      (await simulator.totalNano()) > 0n &&
      simulator.world.batches.all().every(({ endedMs }) => endedMs !== null),
    { timeoutMs: 20_000 },
  );
  expect(await recover("--cancel-running")).toMatchObject({
    code: 0,
    batches: [{ kind: "adopted", lines: 12 }],
  });
  await resume();
  await waitFor(
    "every job to have its outcome",
    async () => (await target.rows("SELECT 1 FROM bulks WHERE finished_at IS NULL")).length === 0,
    { timeoutMs: 25_000 },
  );
  expect(simulator.world.batches.all()).toHaveLength(1);
  await judge(target.client, simulator);
}, 120_000);

test("a batch that still runs keeps everything stopped; canceled, what it has finished is kept and the rest goes on", async () => {
  await open({ batchDurationMs: { min: 3_600_000, max: 3_600_000 }, cancelLateShare: 0.5 });
  const { databaseUrl, simulator, db } = installation;
  await submitBulk(databaseUrl, { lane: "batch", inputs: inputs(40), shared });
  await backupNow();
  await runUntil(
    async () => (await db.query("SELECT 1 FROM message_batches WHERE state = 'created'")).rowCount === 1,
  );

  await restoreIt();
  expect(await recover()).toMatchObject({
    code: exitCodes.unrecovered,
    batches: [{ kind: "running", lines: 40 }],
  });
  expect(await stopped()).toBe(true);
  expect(await recover("--cancel-running", "--wait-s", "20")).toMatchObject({
    code: exitCodes.done,
    batches: [{ kind: "adopted", lines: 40 }],
  });
  expect(await simulator.totalNano()).toBeGreaterThan(0n);
  simulator.world.behaviour.batchDurationMs = { min: 100, max: 200 };
  await resume();
  await waitFor(
    "every job to have its outcome",
    async () => (await target.rows("SELECT 1 FROM bulks WHERE finished_at IS NULL")).length === 0,
    { timeoutMs: 25_000 },
  );
  const report = await judge(target.client, simulator);
  expect(report.ledgerNano).toBe(report.invoiceNano);
  expect(await target.rows("SELECT DISTINCT state FROM jobs")).toEqual([{ state: "succeeded" }]);
}, 120_000);
