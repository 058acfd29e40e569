// Promise 7, flags: a pause is a row. Losing Redis does not lift it, and a Redis that comes back with an old state does not bring
// back one that was lifted.

import { readFileSync } from "node:fs";
import { Queue } from "bullmq";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { z } from "zod";
import { keysFile } from "../../src/processes/bootstrap.ts";
import { openInstallation } from "../support/installation.ts";
import type { Installation } from "../support/installation.ts";
import { openPrivateRedis } from "../support/private-redis.ts";
import type { PrivateRedis } from "../support/private-redis.ts";
import { judge } from "../support/referee.ts";
import { waitFor } from "../support/wait.ts";
import { callerOf, questions, waitForRest } from "./fleet.ts";
import type { Caller } from "./fleet.ts";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

let redis: PrivateRedis;
let installation: Installation;
let caller: Caller;
beforeAll(async () => {
  redis = await openPrivateRedis();
  installation = await openInstallation({
    settings: { REDIS_URL: redis.url, SLUICE_DISPATCH_LEASE_MS: "6000" },
  });
  const service = await installation.start();
  const keys: unknown = JSON.parse(readFileSync(keysFile(installation.config.dataDir), "utf8"));
  caller = callerOf(service.url ?? "", z.object({ default: z.string() }).parse(keys).default);
});
afterAll(async () => {
  await installation.close();
  await redis.close();
});

/** Whether BullMQ has the queue paused, as any of its clients would see it. */
async function isPausedInBullMQ(): Promise<boolean> {
  const { config } = installation;
  const queue = new Queue("default.default", {
    prefix: config.queuePrefix,
    connection: { url: redis.url, maxRetriesPerRequest: 1 },
  });
  queue.on("error", () => undefined);
  try {
    return await queue.isPaused();
  } finally {
    await queue.close();
  }
}
const slowly = { timeoutMs: 60_000, everyMs: 250 };
const becomes = (paused: boolean): Promise<boolean> =>
  waitFor(
    `BullMQ to be ${paused ? "paused" : "resumed"}`,
    async () => (await isPausedInBullMQ()) === paused,
    slowly,
  );

async function act(path: string, reason: string): Promise<void> {
  const body = JSON.stringify({ reason });
  const headers = { "content-type": "application/json" };
  const response = await caller.send(path, { method: "POST", headers, body });
  expect(response.status, await response.text()).toBe(200);
}

async function openFlags(): Promise<string[]> {
  const { rows } = await installation.db.query<{ reason: string }>(
    "SELECT reason FROM flags WHERE lifted_at IS NULL",
  );
  return rows.map(({ reason }) => reason);
}

test("a paused queue stays paused after FLUSHALL and after a Redis that comes back empty", async () => {
  await act("/v1/queues/default/pause", "audit");
  await caller.submit("type=classify-intent&urgency=now", questions(1_000));
  await caller.submit("type=classify-intent", questions(1_000));
  await becomes(true);
  await redis.flush();
  expect(await isPausedInBullMQ()).toBe(false);
  await becomes(true);
  await redis.kill();
  await redis.restart("nothing");
  await becomes(true);
  expect(await openFlags()).toEqual(["audit"]);
  expect(
    installation.simulator.world.log.view({ path: null, method: "POST", since: 0, limit: 1 }),
  ).toMatchObject({ requests: [] });
});

test("a Redis with an old state does not bring back a pause that was lifted", async () => {
  await redis.kill();
  redis.keep();
  await redis.restart("disk");
  expect(await isPausedInBullMQ()).toBe(true);
  await act("/v1/queues/default/resume", "audit done");
  await waitForRest(installation);
  await becomes(false);

  await redis.kill();
  await redis.restart("kept");
  expect(await openFlags()).toEqual([]);
  await caller.submit("type=classify-intent&urgency=now", questions(1_000));
  await caller.submit("type=classify-intent", questions(1_000));
  await waitForRest(installation);
  await becomes(false);
  expect(await openFlags()).toEqual([]);
  const { rows } = await installation.db.query("SELECT state, count(*)::int AS n FROM jobs GROUP BY state");
  expect(rows).toEqual([{ state: "succeeded", n: 4_000 }]);
  const report = await judge(installation.db, installation.simulator);
  expect(report.ledgerNano).toBe(report.invoiceNano);
});
