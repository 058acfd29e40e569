// Promises 1 and 3 where an answer comes in pieces: the worker that holds a continuation is killed. What it may have cost is booked at its
// worst, the pieces before it are kept, and another worker goes on from them.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { judge, judgeEnd } from "../support/referee.ts";
import { setBudget, submitBulk } from "../support/submit.ts";
import { waitFor } from "../support/wait.ts";
import { pauseAnswers, webJobsDir, webQuestions } from "../support/web-jobs.ts";
import { openFleet, waitForRest } from "./fleet.ts";
import type { Fleet } from "./fleet.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let fleet: Fleet;
beforeAll(async () => {
  fleet = await openFleet({ settings: { SLUICE_JOBS_DIR: webJobsDir, SLUICE_UNBUDGETED: "refuse" } });
  await fleet.join("dispatcher");
  await setBudget(fleet.db, 10_000_000_000n);
});
afterAll(async () => {
  await fleet.end();
  await judgeEnd(fleet.db);
  await fleet.close();
});

test("a continuation whose worker is killed is booked and continued", async () => {
  pauseAnswers(fleet.simulator, "sim-marker:survive-0", 1);
  // The continued request is computed and billed, and its answer never seen.
  fleet.simulator.addFault({
    action: "lose_response",
    match: { path: "/v1/messages", contains: "srvtoolu_" },
    params: { as: "timeout" },
    times: 1,
  });
  const victim = await fleet.join("worker");
  await submitBulk(fleet.databaseUrl, {
    lane: "realtime",
    type: "web-answer",
    inputs: webQuestions(1, "survive"),
    jobsDirs: [webJobsDir],
  });
  await waitFor(
    "the continuation to be billed",
    async () => {
      const { items } = fleet.simulator.world.invoice.items(0, 10);
      const { rows } = await fleet.db.query("SELECT 1 FROM attempts WHERE no = 2 AND state = 'open'");
      return items.length === 2 && rows.length === 1;
    },
    { timeoutMs: 30_000 },
  );
  await victim.kill();
  await fleet.join("worker");
  await waitForRest(fleet, 60_000);
  const { rows } = await fleet.db.query(
    `SELECT a.no, a.state, a.outcome, a.retry_reason, h.state AS hold, j.state AS job, j.continuations, j.attempts_paid
       FROM attempts a JOIN jobs j ON j.id = a.job_id JOIN holds h ON h.id = a.hold_id ORDER BY a.no`,
  );
  const job = { job: "succeeded", continuations: 1, attempts_paid: 3 };
  expect(rows).toEqual([
    { no: 1, state: "settled", outcome: "paused", retry_reason: null, hold: "settled", ...job },
    {
      no: 2,
      state: "presumed",
      outcome: "lost_worker",
      retry_reason: "pause_turn",
      hold: "presumed",
      ...job,
    },
    { no: 3, state: "settled", outcome: "succeeded", retry_reason: "lost_worker", hold: "settled", ...job },
  ]);
  await judge(fleet.db, fleet.simulator);
});
