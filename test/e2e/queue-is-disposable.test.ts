// Promise 7: the queue is disposable. Whatever BullMQ runs on may lose everything at the worst moment: no job, no result, no cent
// and no flag is lost with it.
//
// The worst moment is one for all: a window of realtime jobs is dispatched, and message batches are being created, polled and
// ingested. Nothing else dies, so the books must equal the bill exactly: nothing may even be presumed.

import pg from "pg";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { QueueBackendKind } from "../../src/queue/backend.ts";
import { openInstallation } from "../support/installation.ts";
import type { Installation } from "../support/installation.ts";
import { openPrivateRedis } from "../support/private-redis.ts";
import type { PrivateRedis } from "../support/private-redis.ts";
import { judge, judgeQueues } from "../support/referee.ts";
import { openTestBackend } from "../support/stores.ts";
import { setBudget, submitBulk } from "../support/submit.ts";
import { waitFor } from "../support/wait.ts";
import { labels, waitForRest } from "./fleet.ts";
import {
  bringToAcceptance,
  bringToIngest,
  bringToPoll,
  countSucceeded,
  countsSucceeded,
  letGo,
  statesOf,
} from "./phases.ts";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 60_000 });

let redis: PrivateRedis;
let installation: Installation;
beforeAll(async () => {
  redis = await openPrivateRedis();
});
afterEach(() => installation.close());
afterAll(() => redis.close());

interface Blow {
  readonly blow: string;
  readonly backend: QueueBackendKind;
  strike(): Promise<void>;
}

const blows: readonly Blow[] = [
  { blow: "FLUSHALL", backend: "redis", strike: () => redis.flush() },
  {
    blow: "kill -9 of a Redis that comes back empty",
    backend: "redis",
    strike: async () => {
      await redis.kill();
      await redis.restart("nothing");
    },
  },
  { blow: "TRUNCATE of BullMQ's tables", backend: "postgres", strike: truncateQueue },
];

const inputs = (count: number): Record<string, unknown>[] =>
  Array.from({ length: count }, (_, n) => ({ text: `I lost my card number ${n}, please help` }));

test.each(blows)("$blow loses no job, no result and no cent", async ({ backend, strike }) => {
  installation = await openInstallation({
    backend,
    settings: {
      ...(backend === "redis" && { REDIS_URL: redis.url }),
      SLUICE_DISPATCH_LEASE_MS: "8000",
      SLUICE_BATCH_CREATE_TIMEOUT_MS: "5000",
      SLUICE_CONCURRENCY: "20",
    },
  });
  const { simulator, db, databaseUrl } = installation;
  await installation.start();
  await setBudget(db, 1_000_000_000_000n);
  const submit = (lane: "realtime" | "batch", count: number): Promise<string> =>
    submitBulk(databaseUrl, { lane, inputs: inputs(count), shared: { labels } });
  const stage = { simulator, db, submit: (lines: number) => submit("batch", lines) };
  const batches = [
    await bringToIngest(stage, 1_001),
    await bringToPoll(stage, 1_002),
    await bringToAcceptance(stage, 1_003),
  ];
  simulator.world.behaviour.latencyMs = { min: 200, max: 300 };
  const realtime = await submit("realtime", 1_000);
  await waitFor("a full window", async () => {
    const { rows } = await db.query<{ n: string }>(
      "SELECT count(*) AS n FROM jobs WHERE state = 'dispatched' AND lane = 'realtime'",
    );
    return (await countSucceeded(db, realtime)) > 0 && Number(rows[0]?.n) >= 200;
  });
  const states = await statesOf(db, batches);
  await strike();
  expect(states).toEqual(["ended", "created", "creating"]);

  await letGo(stage, batches[0] ?? "");
  await waitForRest(installation);
  expect(await countsSucceeded(db, [realtime, ...batches])).toEqual([1_000, 1_001, 1_002, 1_003]);
  const report = await judge(db, simulator);
  expect(report.presumedNano).toBe(0n);
  expect(report.ledgerNano).toBe(report.invoiceNano);
  const { queuePrefix } = installation.config;
  const looking = await openTestBackend(backend, {
    postgresUrl: databaseUrl,
    redisUrl: redis.url,
    prefix: queuePrefix,
  });
  await judgeQueues(looking);
  await looking.close();
});

async function truncateQueue(): Promise<void> {
  const client = new pg.Client({ connectionString: installation.databaseUrl });
  await client.connect();
  const { rows } = await client.query<{ name: string }>(
    "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = 'bullmq' AND tablename NOT LIKE '%migration%'",
  );
  // Workers at work may hold these tables the other way round; the database then ends one of the two, and the blow is struck again.
  const statement = `TRUNCATE ${rows.map(({ name }) => name).join(", ")}`;
  await waitFor("the tables to be emptied", () => client.query(statement));
  await client.end();
}
