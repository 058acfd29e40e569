// Alerts are raised in the transaction that crosses their threshold: none is missed, none doubles.
import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "../../src/config/ids.ts";
import { isId, idTime } from "../../src/domain/ids.ts";
import { silentLog } from "../../src/observe/log.ts";
import { raiseAlert } from "../../src/postgres/alerts.ts";
import { openPool, withTransaction, type Pool } from "../../src/postgres/pool.ts";
import { WindowChanges, lockWindows } from "../../src/postgres/windows.ts";
import { seedQueue, seedTenant } from "../control/seed.ts";
import { cloneDatabase, type TestDatabase } from "../support/stores.ts";

let database: TestDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await cloneDatabase();
  pool = openPool(database.url, { max: 16, applicationName: "test", log: silentLog });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

async function openWindow(limitNano: bigint, scope = "queue"): Promise<{ windowId: bigint; target: string }> {
  const tenantId = await seedTenant(pool);
  const target = scope === "queue" ? (await seedQueue(pool, tenantId)).id : tenantId;
  const budgetId = newId();
  await pool.query(
    `INSERT INTO budgets (id, tenant_id, scope, target, owner, limit_nano, window_kind) VALUES ($1, $2, $3, $4, 'ada', $5, 'total')`,
    [budgetId, tenantId, scope, target, limitNano],
  );
  const { rows } = await pool.query(
    `INSERT INTO budget_windows (budget_id, tenant_id, starts_at, ends_at, limit_nano)
     VALUES ($1, $2, now(), now() + interval '1 day', $3) RETURNING id`,
    [budgetId, tenantId, limitNano],
  );
  return { windowId: rows[0].id, target };
}

async function change(windowId: bigint, heldNano: bigint, spentNano: bigint): Promise<void> {
  await withTransaction(pool, async (client) => {
    const changes = new WindowChanges();
    changes.add(windowId, { heldNano, spentNano });
    await changes.write(client);
  });
}

async function alertsOf(windowId: bigint): Promise<string[]> {
  const { rows } = await pool.query(
    "SELECT dedupe_key, percent FROM alerts WHERE dedupe_key LIKE $1 ORDER BY id, percent",
    [`window:${windowId}:%`],
  );
  return rows.map((row): string => row.dedupe_key.split(":")[2]).toSorted();
}

const all = ["committed", "spent_100", "spent_50", "spent_80", "spent_95"];

test("every threshold is raised once under 16 writers that hold and settle at once", async () => {
  const calls = 400n;
  const { windowId, target } = await openWindow(calls);
  let left = Number(calls);
  const writer = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      // oxlint-disable no-await-in-loop -- a call holds, then settles
      const held = await withTransaction(pool, async (client) => {
        const room = (await lockWindows(client, [windowId])).get(windowId);
        if (room === undefined || room.availableNano < 1n) return false;
        const changes = new WindowChanges();
        changes.add(windowId, { heldNano: 1n });
        await changes.write(client);
        return true;
      });
      if (held) await change(windowId, -1n, 1n);
      // oxlint-enable no-await-in-loop
    }
  };
  await Promise.all(Array.from({ length: 16 }, writer));
  expect(await alertsOf(windowId)).toEqual(all);
  const { rows } = await pool.query(
    "SELECT id, percent, spent_nano, held_nano, limit_nano, owner, scope, target, target_name, tenant_name, state FROM alerts WHERE dedupe_key = $1",
    [`window:${windowId}:spent_80`],
  );
  // The figures are those of the crossing itself.
  expect(rows[0]).toMatchObject({
    percent: 80,
    spent_nano: 320n,
    limit_nano: 400n,
    owner: "ada",
    scope: "queue",
    target,
    state: "pending",
  });
  expect(rows[0].target_name).toMatch(/^q-/);
  expect(isId(rows[0].id)).toBe(true);
  expect(Math.abs(idTime(rows[0].id).getTime() - Date.now())).toBeLessThan(60_000);
});

test("a transaction that is rolled back has raised nothing", async () => {
  const { windowId } = await openWindow(100n);
  await expect(
    withTransaction(pool, async (client) => {
      const changes = new WindowChanges();
      changes.add(windowId, { spentNano: 99n });
      await changes.write(client);
      throw new Error("the process dies here");
    }),
  ).rejects.toThrow("dies");
  expect(await alertsOf(windowId)).toEqual([]);
});

test("a raise allows later thresholds and repeats none; a correction downwards repeats none either", async () => {
  const { windowId } = await openWindow(100n, "tenant");
  await change(windowId, 0n, 85n);
  expect(await alertsOf(windowId)).toEqual(["spent_50", "spent_80"]);
  await pool.query("UPDATE budget_windows SET limit_nano = 1000 WHERE id = $1", [windowId]);
  await change(windowId, 0n, 800n);
  await change(windowId, 0n, -500n);
  await change(windowId, 0n, 500n);
  expect(await alertsOf(windowId)).toEqual(["spent_50", "spent_80"]);
  await change(windowId, 0n, 70n);
  expect(await alertsOf(windowId)).toEqual(["spent_50", "spent_80", "spent_95"]);
});

test("a limit that is lowered below what is spent crosses thresholds as spend does", async () => {
  const { windowId } = await openWindow(1_000n, "tenant");
  await change(windowId, 0n, 90n);
  await pool.query("UPDATE budget_windows SET limit_nano = 95 WHERE id = $1", [windowId]);
  expect(await alertsOf(windowId)).toEqual(["spent_50", "spent_80"]);
});

test("spent and held together are told once when they reach the limit, whatever settles below", async () => {
  const { windowId } = await openWindow(100n, "tenant");
  await change(windowId, 100n, 0n);
  await change(windowId, -60n, 10n);
  await change(windowId, 50n, 0n);
  await change(windowId, -10n, 10n);
  await change(windowId, 0n, 0n);
  expect(await alertsOf(windowId)).toEqual(["committed"]);
});

test("the largest limit there can be is compared without an overflow", async () => {
  const { windowId } = await openWindow(999_999_999_999_999_999n, "tenant");
  await change(windowId, 0n, 499_999_999_999_999_999n);
  expect(await alertsOf(windowId)).toEqual([]);
  await change(windowId, 0n, 500_000_000_000_000_000n);
  expect(await alertsOf(windowId)).toEqual(all);
});

test("a stopped credential is told, a flapping one once an hour and reason", async () => {
  const stop = async (reason: string): Promise<void> => {
    await pool.query("UPDATE credentials SET stopped_at = now(), stop_reason = $1 WHERE id = 'default'", [
      reason,
    ]);
    await pool.query("UPDATE credentials SET stopped_at = NULL, stop_reason = NULL WHERE id = 'default'");
  };
  await stop("credential_refused");
  await stop("credential_refused");
  await stop("out_of_credit");
  const { rows } = await pool.query(
    "SELECT reason, owner, tenant_name FROM alerts WHERE kind = 'credential_stopped' AND raised_at > now() - interval '1 minute'",
  );
  expect(rows.map((row): string => row.reason).toSorted()).toEqual(["credential_refused", "out_of_credit"]);
  expect(rows[0]).toMatchObject({ owner: "operator", tenant_name: "installation" });
});

test("a key raises one alert, ever, and says so", async () => {
  const alert = {
    dedupeKey: "batch:x:missing",
    kind: "batch_missing",
    tenantId: "installation",
    scope: "message_batch",
    target: "x",
    reason: "",
  } as const;
  const ids = await Promise.all(Array.from({ length: 8 }, () => raiseAlert(pool, alert)));
  expect(ids.filter((id) => id !== undefined)).toHaveLength(1);
});
