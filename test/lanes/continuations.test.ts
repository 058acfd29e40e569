// A paused answer goes on: as an attempt of its own, with a hold and a bill of its own, in either lane, until it ends or its caps do
// not allow it. The referee compares each attempt with the provider's bill to the nano-dollar.
import { afterEach, describe, expect, test, vi } from "vitest";
import type pg from "pg";
import type { Simulator } from "../../src/simulator/server.ts";
import { waitForRest } from "../e2e/fleet.ts";
import { openInstallation } from "../support/installation.ts";
import type { Installation } from "../support/installation.ts";
import { judge } from "../support/referee.ts";
import { setBudget, submitBulk } from "../support/submit.ts";
import { waitFor } from "../support/wait.ts";
import { pauseAnswers, searchesBilled, webJobsDir, webQuestions } from "../support/web-jobs.ts";
import { openBatchFixture } from "./batch-fixture.ts";
import type { BatchFixture } from "./batch-fixture.ts";
import { judgeLane } from "./batch-judge.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let installation: Installation | undefined;
let fixture: BatchFixture | undefined;
afterEach(async () => {
  await installation?.close();
  await fixture?.close();
  [installation, fixture] = [undefined, undefined];
});

interface JobView {
  line: number;
  state: string;
  reason: string | null;
  output: string;
  continuations: number;
  tries: number;
  attempts: {
    outcome: string;
    state: string;
    retry: string | null;
    bytes: number;
    hold: string;
    nano: number;
    stop: string;
  }[];
}

type Rows = <Row extends pg.QueryResultRow>(text: string, values?: unknown[]) => Promise<Row[]>;

const readJobs = (rows: Rows): Promise<JobView[]> =>
  rows<JobView>(
    `SELECT j.line, j.state, r.reason, coalesce(r.output, output_of_turns(j.id, j.state, j.continuations)) AS output, j.continuations, j.tries,
            (SELECT json_agg(json_build_object('outcome', a.outcome, 'state', a.state, 'retry', a.retry_reason, 'bytes', a.request_bytes,
                      'hold', a.hold_id, 'nano', a.cost_nano, 'stop', a.stop_reason) ORDER BY a.no)
               FROM attempts a WHERE a.job_id = j.id) AS attempts
       FROM jobs j LEFT JOIN job_results r ON r.job_id = j.id ORDER BY j.line`,
  );

/** Line n pauses n times; the type allows four continuations, so the sixth line never gets to its end. */
const pauses = [0, 1, 2, 3, 4, 5];

function script(simulator: Simulator): void {
  for (const times of pauses) if (times > 0) pauseAnswers(simulator, `sim-marker:won-${times}`, times);
}

function requireContinued(jobs: readonly JobView[], holdsOwn: boolean): void {
  expect(jobs.map(({ state, reason }) => [state, reason])).toEqual([
    ...pauses.slice(0, 5).map(() => ["succeeded", null]),
    ["truncated", "continuations_max"],
  ]);
  for (const [at, { attempts, continuations, tries, output, state }] of jobs.entries()) {
    const times = Math.min(pauses[at] ?? 0, 4);
    expect({ continuations, tries, attempts: attempts.length }).toEqual({
      continuations: times,
      tries: 0,
      attempts: times + 1,
    });
    const ends = state === "truncated" ? ["paused"] : ["succeeded"];
    expect(attempts.map(({ outcome }) => outcome)).toEqual([
      ...Array.from({ length: times }, () => "paused"),
      ...ends,
    ]);
    expect(attempts.slice(1).every(({ retry }) => retry === "pause_turn")).toBe(true);
    const bytes = attempts.map((attempt) => attempt.bytes);
    expect(bytes).toEqual([...new Set(bytes)].toSorted((a, b) => a - b));
    if (holdsOwn) expect(new Set(attempts.map(({ hold }) => hold)).size).toBe(attempts.length);
    // What came in pieces is answered whole: the uses of every turn, and, where it got to its end, the text behind them.
    const { content } = JSON.parse(output) as { content: { type: string; id?: string }[] };
    const ids = content.filter(({ type }) => type === "server_tool_use").map(({ id }) => id);
    expect(ids.length).toBeGreaterThanOrEqual(times);
    expect(new Set(ids).size).toBe(ids.length);
    expect(content.some(({ type }) => type === "text")).toBe(state === "succeeded");
  }
}

describe("a paused answer goes on until it ends", () => {
  test("in the realtime lane", async () => {
    installation = await openInstallation({
      settings: { SLUICE_JOBS_DIR: webJobsDir, SLUICE_UNBUDGETED: "refuse" },
    });
    const { db, simulator } = installation;
    script(simulator);
    await installation.start();
    await setBudget(db, 10_000_000_000n);
    await submitBulk(installation.databaseUrl, {
      lane: "realtime",
      type: "web-answer",
      inputs: webQuestions(pauses.length, "won"),
      jobsDirs: [webJobsDir],
    });
    await waitForRest(installation, 40_000);
    requireContinued(await readJobs(async (text, values) => (await db.query(text, values)).rows), true);
    expect(searchesBilled(simulator)).toBeGreaterThan(10);
    await judge(db, simulator);
  });

  test("in the batch lane, where a continuation is a line of another batch", async () => {
    fixture = await openBatchFixture({ jobsDirs: [webJobsDir] });
    script(fixture.simulator);
    await submitBulk(fixture.databaseUrl, {
      lane: "batch",
      type: "web-answer",
      inputs: webQuestions(pauses.length, "won"),
      jobsDirs: [webJobsDir],
    });
    await fixture.drive();
    requireContinued(await readJobs(fixture.rows), true);
    await judgeLane(fixture);
  });
});

describe("a cap ends a paused answer with what it has", () => {
  test.each([
    ["total_tokens_max", { totalTokensMax: 5_400 }],
    ["bulk_attempts_max", { bulkAttemptsMax: 1 }],
    ["bulk_total_tokens_max", { bulkTotalTokensMax: 5_400 }],
    ["tool_rounds_max", { toolRoundsMax: 0 }],
    ["input_bytes_max", { inputBytesMax: 250 }],
    ["continuations_max", { continuationsMax: 0 }],
  ])("%s", async (name, caps) => {
    installation = await openInstallation({ settings: { SLUICE_JOBS_DIR: webJobsDir } });
    const { db, simulator } = installation;
    pauseAnswers(simulator, "sim-marker:cap", 1);
    await installation.start();
    await submitBulk(installation.databaseUrl, {
      lane: "realtime",
      type: "web-answer",
      inputs: webQuestions(1, "cap"),
      jobsDirs: [webJobsDir],
      caps,
    });
    await waitForRest(installation, 20_000);
    const [job] = await readJobs(async (text, values) => (await db.query(text, values)).rows);
    expect(job).toMatchObject({
      state: "truncated",
      reason: name,
      continuations: 0,
      attempts: [{ outcome: "paused" }],
    });
    expect(job?.output).toContain("web_search_tool_result");
    await judge(db, simulator);
  });
});

test("a job that fails behind a pause keeps what it paid for, in either lane", async () => {
  fixture = await openBatchFixture({
    jobsDirs: [webJobsDir],
    settings: { SLUICE_TRIES_MAX: "3", SLUICE_ATTEMPTS_MAX: "3" },
  });
  pauseAnswers(fixture.simulator, "sim-marker:behind-0", 1);
  fixture.simulator.addFault({
    action: "errored",
    match: { contains: "srvtoolu_" },
    params: { kind: "api_error", status: 500 },
    times: null,
  });
  const bulk = { type: "web-answer", inputs: webQuestions(1, "behind"), jobsDirs: [webJobsDir] };
  await submitBulk(fixture.databaseUrl, { lane: "batch", ...bulk });
  await fixture.drive();
  const [line] = await readJobs(fixture.rows);
  expect(line).toMatchObject({ state: "failed", continuations: 1 });
  expect(line?.output).toContain("web_search_tool_result");
  await judgeLane(fixture);

  installation = await openInstallation({ settings: { SLUICE_JOBS_DIR: webJobsDir } });
  const { db, simulator } = installation;
  pauseAnswers(simulator, "sim-marker:behind-0", 1);
  simulator.addFault({
    action: "lose_response",
    match: { contains: "srvtoolu_" },
    params: { as: "reset" },
    times: null,
  });
  await installation.start();
  // One attempt, its continuation, and none behind that: the lost continuation would need a third.
  await submitBulk(installation.databaseUrl, { lane: "realtime", ...bulk, caps: { bulkAttemptsMax: 2 } });
  await waitForRest(installation, 20_000);
  const [call] = await readJobs(async (text, values) => (await db.query(text, values)).rows);
  expect(call).toMatchObject({ state: "failed", continuations: 1 });
  expect(call?.output).toContain("web_search_tool_result");
  const { rows } = await db.query("SELECT failure_code, failure_fault FROM jobs");
  expect(rows).toEqual([{ failure_code: "bulk_attempts_max", failure_fault: "policy" }]);
  await judge(db, simulator);
});

test("a type that searches the web never passes a tight budget: its fees are held too", async () => {
  installation = await openInstallation({
    settings: { SLUICE_JOBS_DIR: webJobsDir, SLUICE_UNBUDGETED: "refuse", SLUICE_CONCURRENCY: "30" },
  });
  const { db, simulator } = installation;
  await installation.start();
  // Three searches are 30,000,000; the tokens of a call are at most 715,000. There is room for four calls at once and no more.
  const limit = 125_000_000n;
  await setBudget(db, limit);
  await submitBulk(installation.databaseUrl, {
    lane: "realtime",
    type: "web-answer",
    inputs: webQuestions(30, "tight"),
    jobsDirs: [webJobsDir],
  });
  await waitFor("the rest to wait for the budget", async () => {
    const { rows } = await db.query<{ busy: number; waits: number }>(
      `SELECT count(*) FILTER (WHERE state IN ('dispatched', 'running'))::int AS busy,
              count(*) FILTER (WHERE wait_reason = 'budget')::int AS waits FROM jobs WHERE finished_at IS NULL`,
    );
    expect(await simulator.totalNano()).toBeLessThanOrEqual(limit);
    return rows[0]?.busy === 0 && rows[0].waits > 0;
  });
  expect(searchesBilled(simulator)).toBeGreaterThan(3);
  expect(await simulator.totalNano()).toBeLessThanOrEqual(limit);
  await db.query("UPDATE budget_windows SET limit_nano = 10000000000; SELECT pg_notify('sluice_budget', '')");
  await waitForRest(installation, 30_000);
  await judge(db, simulator);
});
