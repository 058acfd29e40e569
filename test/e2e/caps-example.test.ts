// The worked example of docs/caps.md, as a person goes through it: its job type is loaded from the page, its commands are run in the
// order of the page, and what they print, hold and cost is what the page says.
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { z } from "zod";
import { loadJobTypes } from "../../src/config/job-types.ts";
import { parseRecord } from "../../src/domain/json-value.ts";
import { keysFile } from "../../src/processes/bootstrap.ts";
import { openInstallation } from "../support/installation.ts";
import type { Installation } from "../support/installation.ts";
import { judge } from "../support/referee.ts";
import { waitFor } from "../support/wait.ts";
import { callerOf, waitForRest } from "./fleet.ts";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

const root = join(import.meta.dirname, "../..");
const [, section = ""] = readFileSync(join(root, "docs/caps.md"), "utf8").split("\n## A worked example\n");

/** Blocks of the page with what they print; null: the page does not show it. */
const blocks = [...section.matchAll(/```sh\n(.*?)```(?:\n\n```text\n(.*?)```)?/gs)].map(
  ([, commands = "", printed = null]) => ({ commands, printed }),
);
const [setup, start, ...steps] = blocks;

let home = "";
let installation: Installation;
let url = "";
let key = "";
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "sluice-page-"));
  mkdirSync(join(home, "clone"));
  await shell(setup?.commands ?? "");
  const source = /```js\n\/\/ sluice-jobs\/answer-with-search\/job\.mjs\n(.*?)```/s.exec(section)?.[1] ?? "";
  writeFileSync(join(home, "sluice-jobs/answer-with-search/job.mjs"), source);
  const settings = { SLUICE_JOBS_DIR: join(home, "sluice-jobs"), SLUICE_UNBUDGETED: "refuse" };
  installation = await openInstallation({ settings });
  url = (await installation.start()).url ?? "";
  key = z
    .object({ default: z.string() })
    .parse(JSON.parse(readFileSync(keysFile(installation.config.dataDir), "utf8"))).default;
});
afterAll(async () => {
  await installation.close();
  rmSync(home, { recursive: true, force: true });
});

/** Runs commands of the page in what stands for the clone; answers what a terminal shows, both streams. */
const shell = (commands: string): Promise<string> =>
  new Promise((resolve) => {
    const options = {
      cwd: join(home, "clone"),
      env: { PATH: process.env["PATH"], SLUICE_URL: url, SLUICE_KEY: key },
    };
    execFile("bash", ["-c", `exec 2>&1\n${commands}`], options, (_error, stdout) => resolve(stdout));
  });

const ids = /\b01[0-9a-hjkmnp-tv-z]{24}\b/g;

/** What differs from run to run is made alike: ids, times, how far a bulk has come, and the last digits of sums with a continuation in them. */
const alike = (text: string): string =>
  text
    .replaceAll(ids, "ID")
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
    .replaceAll(/(?<=^Cost .*?)\d\.\d+/gm, (usd) => Number(usd).toFixed(5).slice(0, -1))
    .split("\n")
    .filter((line) => !line.startsWith("["))
    .join("\n");

test("the page starts what the test starts", () => {
  expect(start?.commands).toContain("SLUICE_JOBS_DIR=../sluice-jobs ");
  expect(start?.commands).toContain("--profile fast");
  expect(steps.length).toBeGreaterThan(6);
});

test("every command prints what the page says, and the books are the bill", async () => {
  let bulk = "";
  for (const { commands, printed } of steps) {
    const typed = commands
      .replaceAll(
        "npm run --silent sluice --",
        `npm_lifecycle_event=sluice node ${join(root, "bin/sluice.js")}`,
      )
      .replaceAll("http://127.0.0.1:4010", installation.simulator.url)
      .replaceAll("BULK", bulk);
    // oxlint-disable-next-line no-await-in-loop -- in the order of the page
    const shown = await shell(typed);
    if (printed !== null) expect(alike(shown)).toBe(alike(printed));
    bulk = /bulk (\w{26}):/.exec(shown)?.[1] ?? bulk;
  }
  await waitForRest(installation, 20_000);
  await judge(installation.db, installation.simulator);
});

test("every attempt was held and billed as the table says", async () => {
  const rows = [...section.matchAll(/^\| (\w+) \| (\d) \| (.*) \|$/gm)].map(([, name, no, rest = ""]) => ({
    name,
    no: Number(no),
    cells: rest.split(" | "),
  }));
  expect(rows).toHaveLength(6);
  const attempts = await attemptsOfFirstBulk();
  expect(attempts).toHaveLength(rows.length);
  for (const [at, { name, no, cells }] of rows.entries()) {
    const { usage, ...seen } = attempts[at] ?? expect.fail("no such attempt");
    const [ended, searches, tokensIn, tokensOut, held, cost = ""] = cells;
    const fees = usage.server_tool_use?.web_search_requests ?? 0;
    expect({ ...seen, fees, out: usage.output_tokens }).toEqual({
      key: name,
      no,
      outcome: ended,
      worst_usd: held?.slice(1),
      cost_usd: expect.any(String) as string,
      fees: Number(searches),
      out: Number(tokensOut),
    });
    // Ids of the simulator are in what a continuation sends back; they are worth a token or two more or less.
    const tolerance = no === 1 ? 0 : 3;
    expect(Math.abs(usage.input_tokens - Number(tokensIn))).toBeLessThanOrEqual(tolerance);
    expect(Math.abs(Number(seen.cost_usd) - Number(cost.slice(1)))).toBeLessThanOrEqual(
      tolerance / 1e7 + 1e-12,
    );
    const nano = usage.input_tokens * 100 + usage.output_tokens * 500 + fees * 10_000_000;
    expect(Math.round(Number(seen.cost_usd) * 1e9)).toBe(nano);
  }
});

test("a continuation waits under the ceiling of a quote until it is raised", async () => {
  const { db, simulator } = installation;
  simulator.addFault({ action: "pause_turn", match: { contains: "tram" } });
  const { send, submit } = callerOf(url, key);
  const lines = [parseRecord(readFileSync(join(home, "clone/tram.ndjson"), "utf8"))];
  const quoted = await send("/v1/bulks?type=answer-with-search&quote=true", {
    method: "POST",
    headers: { "content-type": "application/x-ndjson" },
    body: `${JSON.stringify(lines[0])}\n`,
  });
  const quote = z.object({ id: z.string(), worst_usd: z.string() }).parse(await quoted.json());
  const bulk = await submit(`type=answer-with-search&quote_id=${quote.id}`, lines);
  const waiting = await waitFor("the continuation to wait", async () => {
    const answer = waitsSchema.parse(await (await send(`/v1/bulks/${bulk}`)).json());
    return answer.wait_budgets[0];
  });
  expect(quote.worst_usd).toBe("0.03495");
  expect(waiting).toMatchObject({ available_usd: "0.0248584", wanted_usd: "0.03495" });
  expect(section).toContain(`$${waiting.available_usd} left`);
  await send(`/v1/budgets/${waiting.id}`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ limit_usd: "0.08", reason: "it paused" }),
  });
  await waitForRest(installation, 20_000);
  const { rows } = await db.query("SELECT state, continuations FROM jobs WHERE bulk_id = $1", [bulk]);
  expect(rows).toEqual([{ state: "succeeded", continuations: 1 }]);
  await judge(db, simulator);
});

test("the type loads by itself, and takes fewer searches where a submission wants that", async () => {
  const type = (await loadJobTypes({ dirs: [join(home, "sluice-jobs")] })).get("answer-with-search");
  const usesOf = (caps?: { serverToolUsesMax: number }): unknown => {
    const checked = type?.prepare(null, caps).check({ question: "Who?" });
    return checked?.ok === true ? parseRecord(checked.request.params)["tools"] : checked;
  };
  expect(usesOf()).toMatchObject([{ max_uses: 3 }]);
  expect(usesOf({ serverToolUsesMax: 1 })).toMatchObject([{ max_uses: 1 }]);
});

const waitsSchema = z.object({
  wait_budgets: z.array(z.object({ id: z.string(), available_usd: z.string(), wanted_usd: z.string() })),
});

const jobSchema = z.object({
  key: z.string(),
  attempts: z.array(
    z.object({
      no: z.number(),
      outcome: z.string(),
      worst_usd: z.string(),
      cost_usd: z.string(),
      usage: z.object({
        input_tokens: z.number(),
        output_tokens: z.number(),
        server_tool_use: z.object({ web_search_requests: z.number() }).nullable(),
      }),
    }),
  ),
});

/** Attempts of the three questions, by line, as `GET /v1/jobs/{id}` shows them. */
async function attemptsOfFirstBulk() {
  const { rows } = await installation.db.query<{ id: string }>(
    "SELECT id FROM jobs WHERE bulk_id = (SELECT min(id) FROM bulks) ORDER BY line",
  );
  const { send } = callerOf(url, key);
  const jobs = await Promise.all(
    rows.map(async ({ id }) => jobSchema.parse(await (await send(`/v1/jobs/${id}`)).json())),
  );
  return jobs.flatMap(({ key: name, attempts }) => attempts.map((each) => ({ key: name, ...each })));
}
