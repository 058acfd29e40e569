// Alerts leave: announced once, signed, repeated until they are taken, and seen when they do not get out.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { Webhook } from "standardwebhooks";
import { systemClock } from "../../src/config/clock.ts";
import { newId } from "../../src/config/ids.ts";
import { limits } from "../../src/config/limits.ts";
import { createAlertSender } from "../../src/delivery/alert-sender.ts";
import type { Log } from "../../src/observe/log.ts";
import { silentLog } from "../../src/observe/log.ts";
import { raiseAlert, readAlertPath, takeDueAlerts } from "../../src/postgres/alerts.ts";
import { openPool, type Pool } from "../../src/postgres/pool.ts";
import { seedQueue, seedTenant } from "../control/seed.ts";
import { startReceiver, type Receiver } from "../support/receiver.ts";
import { cloneDatabase, type TestDatabase } from "../support/stores.ts";
import { waitFor } from "../support/wait.ts";

const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
let database: TestDatabase;
let pool: Pool;
let receiver: Receiver;

beforeAll(async () => {
  database = await cloneDatabase();
  pool = openPool(database.url, { max: 6, applicationName: "test", log: silentLog });
});
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(async () => {
  await receiver.close();
  await pool.query("DELETE FROM alerts");
  await pool.query("UPDATE alert_path SET failures_in_row = 0, last_error = NULL");
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

interface SenderOptions {
  readonly url?: string | undefined;
  readonly timeoutMs?: number;
  readonly triesMax?: number;
  readonly log?: Log;
}

function sender(options: SenderOptions = {}) {
  const { url = receiver.url, timeoutMs = 2_000, triesMax = 30, log = silentLog } = options;
  return createAlertSender({
    pool,
    clock: systemClock,
    log,
    random: () => 0,
    webhook: { url, secret, timeoutMs },
    publicUrl: "https://sluice.example.com/",
    retries: { baseMs: 1, capMs: 1, triesMax },
  });
}

async function raise(): Promise<string> {
  const tenantId = await seedTenant(pool);
  const queue = await seedQueue(pool, tenantId);
  const id = await raiseAlert(pool, {
    dedupeKey: newId(),
    kind: "breaker_tripped",
    tenantId,
    scope: "queue",
    target: queue.id,
    reason: "$9.00 in the last hour",
  });
  return id ?? "";
}

const rowOf = async (id: string) =>
  (await pool.query("SELECT state, tries, last_error, delivered_at FROM alerts WHERE id = $1", [id])).rows[0];

/** Rounds until nothing is due or on its way any more. */
async function settle(one: ReturnType<typeof sender>, id: string): Promise<void> {
  await waitFor("the end of its tries", async () => {
    await one.runOnce();
    return (await rowOf(id)).state !== "pending";
  });
}

test("an alert that is refused twice is taken at the third try: signed each time, under the same id", async () => {
  receiver.answer = (n) => (n < 3 ? 500 : 200);
  const id = await raise();
  await settle(sender(), id);
  expect(await rowOf(id)).toMatchObject({ state: "delivered", tries: 3, last_error: null });
  expect(receiver.received.map((one) => one.id)).toEqual([id, id, id]);
  for (const { body, headers } of receiver.received) {
    const verified = new Webhook(secret).verify(body, {
      "webhook-id": String(headers["webhook-id"]),
      "webhook-timestamp": String(headers["webhook-timestamp"]),
      "webhook-signature": String(headers["webhook-signature"]),
    });
    expect(verified).toMatchObject({
      type: "alert.breaker_tripped",
      data: {
        id,
        severity: "critical",
        scope: "queue",
        owner: "ada",
        reason: "$9.00 in the last hour",
        link: expect.stringMatching(/^https:\/\/sluice\.example\.com\/admin\/queues\/queue\//),
      },
    });
  }
  expect(await readAlertPath(pool)).toMatchObject({ failuresInRow: 0, pending: 0 });
});

test("budget figures travel as decimal strings, with the owner and the next step", async () => {
  const tenantId = await seedTenant(pool);
  await pool.query(
    `INSERT INTO alerts (dedupe_key, kind, tenant_id, scope, target, owner, percent, limit_nano, spent_nano, held_nano, window_starts_at, window_ends_at)
     VALUES ('w', 'budget_spent', $1, 'tenant', $1, 'grace', 80, 5000000000, 4000000001, 30000000, '2027-01-01Z', '2027-02-01Z')`,
    [tenantId],
  );
  await sender().runOnce();
  const message = JSON.parse(receiver.received[0]?.body ?? "");
  expect(message.data).toMatchObject({
    kind: "budget_spent",
    percent: 80,
    owner: "grace",
    tenant: `t-${tenantId}`,
    target: `t-${tenantId}`,
    budget: {
      limit_usd: "5.00",
      spent_usd: "4.000000001",
      held_usd: "0.03",
      window_starts_at: "2027-01-01T00:00:00.000Z",
    },
  });
  expect(message.data.next_step).toMatch(/Raise the limit/);
});

test("a redirect is refused and nobody follows it", async () => {
  const elsewhere = await startReceiver();
  receiver.answer = (_n, response) => {
    response.writeHead(307, { location: elsewhere.url }).end();
    return undefined;
  };
  const id = await raise();
  await sender().runOnce();
  expect(await rowOf(id)).toMatchObject({ state: "pending", tries: 1, last_error: "redirect_307" });
  expect(elsewhere.received).toEqual([]);
  await elsewhere.close();
});

test("a receiver that hangs costs its deadline and no more; neither does one that is not there", async () => {
  receiver.answer = () => undefined;
  const id = await raise();
  const startedAt = performance.now();
  await sender({ timeoutMs: 200 }).runOnce();
  expect(performance.now() - startedAt).toBeLessThan(2_000);
  expect(await rowOf(id)).toMatchObject({ state: "pending", last_error: "timed_out" });
  await pool.query("UPDATE alerts SET next_try_at = now()");
  await sender({ url: "http://127.0.0.1:1/" }).runOnce();
  expect((await rowOf(id)).last_error).toMatch(/^econnrefused$|^unreachable$/);
});

test("a receiver that answers and then never ends its answer has taken the alert", async () => {
  receiver.answer = (_n, response) => {
    response.writeHead(200);
    response.write("so");
    return undefined;
  };
  const id = await raise();
  await sender().runOnce();
  expect(await rowOf(id)).toMatchObject({ state: "delivered" });
});

test("after its last try an alert is given up and stays to be seen; the path is broken until one gets through", async () => {
  receiver.answer = () => 503;
  const id = await raise();
  await settle(sender({ triesMax: 3 }), id);
  expect(await rowOf(id)).toMatchObject({ state: "failed", tries: 3, last_error: "http_503" });
  expect(await readAlertPath(pool)).toMatchObject({ failuresInRow: 3, lastError: "http_503", failed: 1 });
  receiver.answer = () => 204;
  await raise();
  await sender().runOnce();
  expect(await readAlertPath(pool)).toMatchObject({ failuresInRow: 0, failed: 1 });
  await sender().runOnce();
  expect(receiver.received).toHaveLength(4);
});

test("each alert is one line of the log at level error, with its owner and the next step, with or without a webhook", async () => {
  const lines: [string, object][] = [];
  const log: Log = { event: (name, fields = {}) => void lines.push([name, fields]), child: () => log };
  const id = await raise();
  const silent = createAlertSender({
    pool,
    clock: systemClock,
    log,
    random: () => 0,
    webhook: undefined,
    publicUrl: undefined,
  });
  await Promise.all([silent.runOnce(), silent.runOnce()]);
  await silent.runOnce();
  expect(lines).toEqual([
    ["alert.raised", expect.objectContaining({ alert: id, owner: "ada", severity: "critical" })],
  ]);
  expect(await rowOf(id)).toMatchObject({ state: "logged", tries: 0 });
  expect(receiver.received).toEqual([]);
});

test("several senders at once send each alert once", async () => {
  const ids = await Promise.all(Array.from({ length: 8 }, raise));
  await Promise.all([sender(), sender(), sender()].map((one) => one.runOnce()));
  await sender().runOnce();
  expect(receiver.received.map((one) => one.id).toSorted((a, b) => (a < b ? -1 : 1))).toEqual(
    ids.toSorted((a, b) => (a < b ? -1 : 1)),
  );
});

test("an alert whose sender died between sending and marking is due again by itself, and not before its time", async () => {
  const id = await raise();
  const one = sender();
  await pool.query("UPDATE alerts SET announced_at = now()");
  // Taken, perhaps sent, never marked.
  expect(await takeDueAlerts(pool, { putOffMs: 300, rowsMax: limits.alertsPerRoundMax })).toHaveLength(1);
  expect(await one.runOnce()).toBe(0);
  await settle(one, id);
  expect(await rowOf(id)).toMatchObject({ state: "delivered", tries: 2 });
});
