// Promise 4 where nobody is left to obey: every process was killed with calls in flight and a message batch at the provider. The
// command line stops everything, cancels the batch itself, and what was computed is booked by the processes that come later.

import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { ReceiptDocument } from "../../src/control/stop-document.ts";
import { exitCodes } from "../../src/cli/exit-codes.ts";
import { documentOf, run } from "../cli/cli.ts";
import { judge, judgeEnd } from "../support/referee.ts";
import { setBudget } from "../support/submit.ts";
import { waitFor } from "../support/wait.ts";
import { openFleet, questions, waitForRest } from "./fleet.ts";
import type { Fleet } from "./fleet.ts";
import { batchesTake, bringToPoll, countSucceeded } from "./phases.ts";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

let fleet: Fleet;
beforeAll(async () => {
  fleet = await openFleet();
  await setBudget(fleet.db, 1_000_000_000_000n);
});
afterAll(async () => {
  await fleet.end();
  await judgeEnd(fleet.db);
  await fleet.close();
});

const sluice = (...argv: string[]) => run(argv, { environment: fleet.environment });

test("with no process alive the command line cancels what is at the provider, and a lift lets all of it end", async () => {
  const { simulator, db, caller } = fleet;
  simulator.world.behaviour.latencyMs = { min: 20_000, max: 20_000 };
  const lanes = await Promise.all([fleet.join("worker"), fleet.join("batcher"), fleet.join("dispatcher")]);
  const stage = {
    simulator,
    db,
    submit: (lines: number) => caller.submit("type=classify-intent&urgency=whenever", questions(lines)),
  };
  const batch = await bringToPoll(stage, 1_001);
  const realtime = await caller.submit("type=classify-intent&urgency=now", questions(30));
  const open = "SELECT 1 FROM attempts WHERE state = 'open' AND lane = 'realtime'";
  await waitFor("calls in flight", async () => (await db.query(open)).rows.length >= 10, {
    timeoutMs: 30_000,
  });
  await Promise.all(lanes.map((one) => one.kill()));

  const argv = ["stop", "--all", "--mode", "abort_and_cancel", "--reason", "nobody is home", "--json"];
  const stopped = await sluice(...argv);
  expect(stopped, stopped.stderr).toMatchObject({ code: exitCodes.done });
  expect(stopped.stderr).toContain("canceled at the provider from here");
  expect(simulator.world.batches.all().map(({ cancel }) => cancel !== null)).toEqual([true]);
  const receipt = documentOf(stopped) as ReceiptDocument;
  expect(receipt).toMatchObject({ state: "complete", unconfirmed: 0, calls: { in_flight: 0 } });
  expect(receipt.batches.count).toMatchObject({ canceling: 1, to_cancel: 0 });
  expect(receipt.may_still_cost_usd).not.toBe("0.00");
  expect(receipt.processes.filter(({ state }) => state === "permission_ended")).toHaveLength(3);

  simulator.world.behaviour.latencyMs = { min: 5, max: 25 };
  await Promise.all([fleet.join("worker"), fleet.join("batcher"), fleet.join("dispatcher")]);
  const shown = async () =>
    documentOf(await sluice("stops", "show", receipt.id, "--json")) as ReceiptDocument;
  await waitFor("all to be booked", async () => (await shown()).may_still_cost_usd === "0.00", {
    timeoutMs: 30_000,
    everyMs: 500,
  });
  const listed = await sluice("stops", "--open");
  expect(listed.stdout).toContain(`${receipt.id}  complete  everything  abort_and_cancel`);
  batchesTake(fleet, 300);
  const lifted = await sluice("lift", receipt.id, "--reason", "somebody is home");
  expect(lifted).toMatchObject({ code: exitCodes.done, stderr: "" });
  await waitForRest(fleet);
  expect(await countSucceeded(db, batch)).toBe(1_001);
  expect(await countSucceeded(db, realtime)).toBe(30);
  await judge(db, simulator);
});
