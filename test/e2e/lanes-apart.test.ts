// A service with every role keeps the API to itself and the lanes in a second process. That one is never missing for long, and never
// outlives the first.

import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { processIdOf } from "../support/processes.ts";
import { judge } from "../support/referee.ts";
import { waitFor } from "../support/wait.ts";
import { openFleet, questions, waitForRest } from "./fleet.ts";
import type { Fleet } from "./fleet.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const everything = "api,dispatcher,worker,batcher";

let fleet: Fleet;
beforeAll(async () => {
  fleet = await openFleet({ simulator: { latencyMs: { min: 50, max: 150 } } });
});
afterAll(() => fleet.close());

interface LiveProcess {
  id: string;
  pid: number;
}

async function lanes(): Promise<LiveProcess[]> {
  const { rows } = await fleet.db.query<LiveProcess>(
    "SELECT id, pid FROM processes WHERE 'worker' = ANY (roles) AND ended_at IS NULL AND reaped_at IS NULL AND lease_until > now()",
  );
  return rows;
}

const laneBesides = (known: readonly LiveProcess[]): Promise<LiveProcess> =>
  waitFor(
    "another lane process",
    async () => (await lanes()).find(({ id }) => !known.some((one) => one.id === id)),
    {
      timeoutMs: 60_000,
      everyMs: 100,
    },
  );

async function isGone(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return Promise.resolve(true);
  }
}

test("killed lanes come back by themselves, and what they had in flight is finished once", async () => {
  const service = await fleet.join(everything);
  const first = await laneBesides([]);
  expect(first.pid).not.toBe(service.pid);
  const front = await processIdOf(fleet.db, service);
  const { rows } = await fleet.db.query<{ roles: string[] }>("SELECT roles FROM processes WHERE id = $1", [
    front,
  ]);
  expect(rows[0]?.roles).toEqual(["api"]);

  await fleet.caller.submit("type=classify-intent&urgency=now", questions(300));
  await waitFor("a call to be in flight", async () => {
    const { rows: open } = await fleet.db.query("SELECT 1 FROM attempts WHERE state = 'open' LIMIT 1");
    return open.length > 0;
  });
  process.kill(first.pid, "SIGKILL");
  const second = await laneBesides([first]);
  expect(second.pid).not.toBe(first.pid);
  await waitForRest(fleet);
  expect(service.output()).toContain("process.lanes_ended");
  await judge(fleet.db, fleet.simulator);

  expect(await service.end()).toBe(0);
  expect(await isGone(second.pid)).toBe(true);
});

test("when the first process is killed, the lanes drain and go", async () => {
  const known = await lanes();
  const service = await fleet.join(everything);
  const lane = await laneBesides(known);
  await fleet.caller.submit("type=classify-intent&urgency=now", questions(200));
  await waitFor("a call to be in flight", async () => {
    const { rows } = await fleet.db.query("SELECT 1 FROM attempts WHERE state = 'open' LIMIT 1");
    return rows.length > 0;
  });
  await service.kill();
  await waitFor("the lanes to go", () => isGone(lane.pid), { timeoutMs: 30_000, everyMs: 50 });
  const { rows } = await fleet.db.query("SELECT ended_at IS NOT NULL AS ended FROM processes WHERE id = $1", [
    lane.id,
  ]);
  expect(rows).toEqual([{ ended: true }]);
  const { rows: cutOff } = await fleet.db.query(
    "SELECT 1 FROM attempts WHERE process_id = $1 AND state IN ('open', 'presumed')",
    [lane.id],
  );
  expect(cutOff).toHaveLength(0);
  await fleet.join(everything);
  await waitForRest(fleet);
  await judge(fleet.db, fleet.simulator);
});
