// A paused answer and the line that continued it may both be lost to a restore and both be found: then they are one answer, as they were.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentLog } from "../../src/observe/log.ts";
import { startService } from "../../src/processes/service.ts";
import { documentOf, run } from "../cli/cli.ts";
import { openInstallation } from "../support/installation.ts";
import type { Installation } from "../support/installation.ts";
import { judge } from "../support/referee.ts";
import { submitBulk } from "../support/submit.ts";
import { waitFor } from "../support/wait.ts";
import { pauseAnswers, webJobsDir, webQuestions } from "../support/web-jobs.ts";
import { freshDatabase } from "./fresh-database.ts";
import type { FreshDatabase } from "./fresh-database.ts";

let installation: Installation;
let target: FreshDatabase;
let dir: string;
beforeEach(async () => {
  target = await freshDatabase();
  dir = mkdtempSync(join(tmpdir(), "sluice-recover-"));
  installation = await openInstallation({ settings: { SLUICE_JOBS_DIR: webJobsDir } });
});
afterEach(async () => {
  await installation.close();
  await target.drop();
  rmSync(dir, { recursive: true, force: true });
});

/** The machine works until that holds, and is then lost. */
async function runUntil(condition: () => Promise<boolean>): Promise<void> {
  const service = await startService(installation.config, silentLog);
  await waitFor("the work to be done", condition, { timeoutMs: 40_000 });
  await service.close();
}

async function command(database: string, ...argv: string[]): Promise<unknown> {
  const environment = { ...installation.environment, DATABASE_URL: database };
  const ran = await run([...argv, "--json"], { environment });
  expect(ran).toMatchObject({ code: 0, stderr: "" });
  return documentOf(ran);
}

const answers =
  "SELECT j.line, j.state, j.continuations, r.output FROM jobs j JOIN job_results r ON r.job_id = j.id ORDER BY line";

test("a paused answer and what continued it, both found after the restore, are one answer, and nothing is paid again", async () => {
  const { databaseUrl, simulator, db } = installation;
  await runUntil(() => Promise.resolve(true));
  pauseAnswers(simulator, "sim-marker:lost-1", 1);
  pauseAnswers(simulator, "sim-marker:lost-2", 2);
  const bulk = { type: "web-answer", inputs: webQuestions(4, "lost"), jobsDirs: [webJobsDir] };
  await submitBulk(databaseUrl, { lane: "batch", ...bulk });
  await command(databaseUrl, "backup", join(dir, "b.gz"));
  await runUntil(
    async () => (await db.query("SELECT 1 FROM bulks WHERE finished_at IS NULL")).rowCount === 0,
  );
  const bill = await simulator.totalNano();
  const { rows: whole } = await db.query<{ state: string; continuations: number }>(answers);
  expect(whole.map(({ state, continuations }) => [state, continuations])).toEqual(
    [0, 1, 2, 0].map((pauses) => ["succeeded", pauses]),
  );

  await command(target.url, "restore", join(dir, "b.gz"));
  expect(await command(target.url, "recover")).toMatchObject({
    batches: [4, 2, 1].map((lines) => ({ kind: "adopted", lines })),
  });
  // The later batches are read first: that is the hard case.
  await target.rows(
    "UPDATE message_batches SET next_poll_at = now() + CASE WHEN line_count = 4 THEN interval '2 seconds' ELSE interval '0' END",
  );
  await installation.start({
    DATABASE_URL: target.url,
    SLUICE_QUEUE_PREFIX: `${installation.config.queuePrefix}-b`,
  });
  await waitFor(
    "everything to be ingested and finished",
    async () =>
      (await target.rows("SELECT 1 FROM message_batches WHERE state <> 'ingested'")).length === 0 &&
      (await target.rows("SELECT 1 FROM bulks WHERE finished_at IS NULL")).length === 0,
    { timeoutMs: 40_000 },
  );
  expect(await target.rows(answers)).toEqual(whole);
  expect(await simulator.totalNano()).toBe(bill);
  const report = await judge(target.client, simulator);
  expect(report.ledgerNano).toBe(bill);
}, 120_000);
