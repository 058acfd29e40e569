// Alerts in a running installation: a budget that fills up is told step by step; a process that dies between sending and noting sends
// again under the same id; a runaway is stopped by the breaker and waits for a person.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { Webhook } from "standardwebhooks";
import { formatUsd } from "../../src/domain/money.ts";
import type { SluiceProcess } from "../support/processes.ts";
import { startReceiver, type Receiver } from "../support/receiver.ts";
import { judge } from "../support/referee.ts";
import { waitFor } from "../support/wait.ts";
import { openFleet, questions, waitForRest, type Fleet } from "./fleet.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const secret = `whsec_${Buffer.alloc(32, 3).toString("base64")}`;
const lanes = "dispatcher,worker,batcher";
const slowly = { timeoutMs: 60_000, everyMs: 50 };
let receiver: Receiver;
let fleet: Fleet;
let working: SluiceProcess;

beforeAll(async () => {
  receiver = await startReceiver();
  fleet = await openFleet({
    simulator: { latencyMs: { min: 20, max: 40 } },
    settings: { ALERT_WEBHOOK_URL: receiver.url, ALERT_WEBHOOK_SECRET: secret },
  });
  working = await fleet.join(lanes);
});
afterAll(async () => {
  await fleet.close();
  await receiver.close();
});

interface Message {
  type: string;
  data: {
    id: string;
    percent: number | null;
    owner: string;
    queue: string | null;
    next_step: string;
    reason: string | null;
  };
}

/** What has arrived, each with a signature that is ours. */
const messages = (): Message[] =>
  receiver.received.map(({ body, headers }) => {
    const signed = {
      "webhook-id": String(headers["webhook-id"]),
      "webhook-timestamp": String(headers["webhook-timestamp"]),
      "webhook-signature": String(headers["webhook-signature"]),
    };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the test says what it expects of it
    return new Webhook(secret).verify(body, signed) as Message;
  });

async function one<T>(sql: string, values: readonly unknown[] = []): Promise<T> {
  const { rows } = await fleet.db.query(sql, [...values]);
  return rows[0];
}

const setLimit = async (limitUsd: string): Promise<void> => {
  const body = JSON.stringify({ owner: "Ada", budget: { limit_usd: limitUsd, window: "total" } });
  const headers = { "content-type": "application/json" };
  const response = await fleet.caller.send("/v1/queues/default", { method: "PUT", headers, body });
  expect(response.status, await response.text()).toBe(200);
};

test("a budget that fills up is told step by step, once each, and goes on after a raise", async () => {
  await fleet.caller.submit("type=classify-intent&urgency=now", questions(10));
  await waitForRest(fleet);
  const { worst, cost } = await one<{ worst: string; cost: string }>(
    "SELECT max(worst_nano) AS worst, min(cost_nano) AS cost FROM attempts",
  );
  const limit = BigInt(worst) * 30n;
  await setLimit(formatUsd(limit));
  await fleet.caller.submit("type=classify-intent&urgency=now", questions(Number(limit / BigInt(cost)) + 50));
  const steps = () => messages().flatMap(({ data }) => (data.percent === null ? [] : [data.percent]));
  await waitFor("the step before the last", () => steps().includes(95), slowly);
  await setLimit("100");
  await waitForRest(fleet);
  expect(steps().toSorted((a, b) => a - b)).toEqual([50, 80, 95]);
  // Work had to wait for it at some time, too.
  expect(messages().filter(({ type }) => type === "alert.budget_committed")).toHaveLength(1);
  expect(messages().find(({ data }) => data.percent === 50)).toMatchObject({
    type: "alert.budget_spent",
    data: { owner: "Ada", queue: "default", next_step: expect.stringMatching(/limit/) },
  });
  await judge(fleet.db, fleet.simulator);
});

test("a process that is killed between sending an alert and noting it has it sent again, under the same id", async () => {
  const before = receiver.received.length;
  let killed: Promise<void> | undefined;
  receiver.answer = (n) => {
    if (n > before + 1) return 200;
    // Its receiver has it, and it will never know.
    killed = working.kill();
    return undefined;
  };
  const response = await fleet.operator.send("/v1/alerts/test", { method: "POST" });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the schema of the route is tested elsewhere
  const { id } = (await response.json()) as { id: string };
  await waitFor("the death of the sender", () => killed !== undefined, slowly);
  await killed;
  working = await fleet.join(lanes);
  const state = () =>
    one<{ state: string; tries: number }>("SELECT state, tries FROM alerts WHERE id = $1", [id]);
  await waitFor("its delivery", async () => (await state()).state === "delivered", slowly);
  expect(receiver.received.slice(before).map((received) => received.id)).toEqual([id, id]);
  expect(await state()).toMatchObject({ tries: 2 });
  expect(working.output()).not.toContain(`"alert.raised"`);
  await judge(fleet.db, fleet.simulator);
});

test("a runaway is paused by the breaker, nothing new starts, and a person lets it go on", async () => {
  receiver.answer = () => 204;
  await working.end();
  const { spent, cost } = await one<{ spent: string; cost: string }>(
    "SELECT sum(amount_nano)::bigint AS spent, max(amount_nano) AS cost FROM ledger",
  );
  const rate = BigInt(spent) + BigInt(cost) * 50n;
  await fleet.join(lanes, {
    SLUICE_BREAKER_HOURLY_USD: formatUsd(rate),
    SLUICE_CONCURRENCY: "4",
    // As fast as four calls at once are, or the dispatcher's first window would hold a minute of work.
    SLUICE_REQUESTS_PER_MINUTE: "6000",
    SLUICE_DISPATCH_LEASE_MS: "30000",
  });
  const bulk = await fleet.caller.submit("type=classify-intent&urgency=now", questions(5_000));
  const trips = () => messages().filter(({ type }) => type === "alert.breaker_tripped");
  await waitFor("the breaker", () => trips().length > 0, slowly);
  expect(trips()).toMatchObject([
    {
      data: {
        queue: "default",
        owner: "Ada",
        reason: expect.stringContaining(`above the configured $${formatUsd(rate)}`),
      },
    },
  ]);
  await waitFor("the last call to end", async () => {
    const { open } = await one<{ open: number }>(
      "SELECT count(*)::int AS open FROM attempts WHERE state = 'open'",
    );
    return open === 0;
  });
  const counted = () => one<{ attempts: number }>("SELECT count(*)::int AS attempts FROM attempts");
  const { attempts } = await counted();
  await renewals(2);
  expect(await counted()).toEqual({ attempts });
  const { late } = await one<{ late: number }>(
    "SELECT count(*)::int AS late FROM attempts a, flags f WHERE f.set_by = 'breaker' AND a.sent_at > f.set_at + interval '1 s'",
  );
  expect(late).toBe(0);

  const resumed = await fleet.caller.send("/v1/queues/default/resume", { method: "POST" });
  expect(resumed.status).toBe(200);
  await waitFor("work to go on", async () => (await counted()).attempts > attempts + 10, slowly);
  await fleet.caller.send(`/v1/bulks/${bulk}/cancel`, { method: "POST" });
  await waitForRest(fleet);
  await judge(fleet.db, fleet.simulator);
});

// Last, because the referee rightly objects to what is booked here: a bound that does not hold cannot be had from the simulator.
test("an overrun pauses its queue and leaves as an alert", async () => {
  await fleet.db.query(
    `INSERT INTO ledger (tenant_id, kind, job_id, attempt_no, bulk_id, queue_id, job_type, prompt_version, model, lane, price_id,
       amount_nano, realtime_nano, overrun_nano)
     SELECT tenant_id, 'settle', 'overrun', 1, 'b', id, 'type', 1, 'model', 'realtime', 'price', 500, 500, 200 FROM queues WHERE name = 'default'`,
  );
  await waitFor("the alert", () => messages().some(({ type }) => type === "alert.overrun"), slowly);
  expect(messages().at(-1)).toMatchObject({
    data: {
      queue: "default",
      owner: "Ada",
      reason: "$0.0000002 above the hold in 1 attempt, the first of job overrun",
    },
  });
  const queue = await fleet.caller.send("/v1/queues/default");
  expect(await queue.json()).toMatchObject({ paused: true, flags: [{ set_by: "overrun" }] });
});

/** Waits until the working process has shown itself so many times: it is alive and could have started something. */
async function renewals(count: number): Promise<void> {
  const read = async (): Promise<number> => {
    const { at } = await one<{ at: Date }>(
      "SELECT max(lease_until) AS at FROM processes WHERE 'worker' = ANY (roles) AND ended_at IS NULL",
    );
    return at.getTime();
  };
  let seen = await read();
  for (let round = 0; round < count; round += 1) {
    const before = seen;
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    seen = await waitFor("a renewal", async () => {
      const now = await read();
      return now > before ? now : 0;
    });
  }
}
