// What was accepted is sent as it was accepted, whatever its job type says by now; and what holds more than its money covers is not sent.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import type { Lane } from "../../src/domain/job.ts";
import { silentLog } from "../../src/observe/log.ts";
import { startService } from "../../src/processes/service.ts";
import { waitForRest } from "../e2e/fleet.ts";
import { openInstallation } from "../support/installation.ts";
import type { Installation } from "../support/installation.ts";
import { judge } from "../support/referee.ts";
import { submitBulk } from "../support/submit.ts";
import { webJobsDir, webQuestions } from "../support/web-jobs.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let installation: Installation;
let dir: string;
afterEach(async () => {
  await installation.close();
  rmSync(dir, { recursive: true, force: true });
});

const lanes: readonly Lane[] = ["realtime", "batch"];

/** Work of both lanes, accepted while the type was as it is; and the type as somebody has edited it since. */
async function accepted(edit: (definition: string) => string): Promise<void> {
  dir = mkdtempSync(join(tmpdir(), "sluice-edited-"));
  cpSync(webJobsDir, dir, { recursive: true });
  const file = join(dir, "web-answer/job.mjs");
  writeFileSync(file, edit(readFileSync(file, "utf8")));
  installation = await openInstallation({ settings: { SLUICE_JOBS_DIR: webJobsDir } });
  await (await startService(installation.config, silentLog)).close();
  for (const lane of lanes)
    // oxlint-disable-next-line no-await-in-loop -- one bulk after the other
    await submitBulk(installation.databaseUrl, {
      lane,
      type: "web-answer",
      inputs: webQuestions(3, lane),
      jobsDirs: [webJobsDir],
    });
}

async function workOff(): Promise<unknown[]> {
  await installation.start({ SLUICE_JOBS_DIR: dir });
  await waitForRest(installation, 30_000);
  const { db } = installation;
  return (
    await db.query(
      "SELECT lane, state, failure_code, count(*)::int AS n FROM jobs GROUP BY 1, 2, 3 ORDER BY 1 DESC",
    )
  ).rows;
}

const allOf = (state: string, code: string | null): unknown[] =>
  lanes.map((lane) => ({ lane, state, failure_code: code, n: 3 }));

test("a type whose cap of tool uses is made smaller fails nothing that it has accepted, in either lane", async () => {
  await accepted((definition) => definition.replace("serverToolUsesMax: 3", "serverToolUsesMax: 1"));
  expect(await workOff()).toEqual(allOf("succeeded", null));
  await judge(installation.db, installation.simulator);
});

test("a request with searches that its row knows nothing of is not sent, in either lane", async () => {
  await accepted((definition) => definition);
  // As a version wrote it that did not know the fee.
  await installation.db.query("UPDATE jobs SET web_searches_max = 0");
  expect(await workOff()).toEqual(allOf("failed", "request_changed"));
  expect(await installation.simulator.totalNano()).toBe(0n);
  await judge(installation.db, installation.simulator);
});

test("a request that may have more input than it was accepted with is not sent, in either lane", async () => {
  await accepted((definition) => definition.replace("inputTokensMax: 5_000", "inputTokensMax: 6_000"));
  expect(await workOff()).toEqual(allOf("failed", "request_changed"));
  expect(await installation.simulator.totalNano()).toBe(0n);
  await judge(installation.db, installation.simulator);
});
