import { afterEach, describe, expect, test } from "vitest";
import { openInstallation } from "../support/installation.ts";
import type { Installation } from "../support/installation.ts";
import { queueBackends } from "../support/stores.ts";
import { setBudget, submitBulk } from "../support/submit.ts";
import { waitFor } from "../support/wait.ts";

const labels = ["card_lost", "refund", "change_pin"];
const questions = (howMany: number): Record<string, unknown>[] =>
  Array.from({ length: howMany }, (_, n) => ({ text: `I lost my card number ${n}, please help` }));

let installation: Installation | undefined;
afterEach(async () => {
  await installation?.close();
  installation = undefined;
});

async function count(state: string): Promise<number> {
  const { rows } = (await installation?.db.query<{ n: string }>(
    "SELECT count(*) AS n FROM jobs WHERE state = $1",
    [state],
  )) ?? { rows: [] };
  return Number(rows[0]?.n ?? 0);
}

describe.each(queueBackends)("the realtime lane on %s", (backend) => {
  test("every job is answered, paid once and settled to the nano-dollar", async () => {
    installation = await openInstallation({ backend });
    await installation.start();
    await submitBulk(installation.databaseUrl, {
      lane: "realtime",
      inputs: questions(120),
      shared: { labels },
    });
    await waitFor("all to succeed", async () => (await count("succeeded")) === 120, { timeoutMs: 25_000 });
    const { rows } = await installation.db.query<{ total: string }>(
      "SELECT sum(amount_nano) AS total FROM ledger",
    );
    expect(BigInt(rows[0]?.total ?? 0)).toBe(await installation.simulator.totalNano());
  });
});

test("a 429 makes work wait and never fail, and is not paid", async () => {
  installation = await openInstallation();
  installation.simulator.addFault({
    match: { path: "/v1/messages" },
    action: "error",
    times: 10,
    params: { status: 429 },
  });
  await installation.start();
  await submitBulk(installation.databaseUrl, { lane: "realtime", inputs: questions(20), shared: { labels } });
  await waitFor("all to succeed", async () => (await count("succeeded")) === 20, { timeoutMs: 25_000 });
});

test("a ceiling is never passed: what does not fit waits for the raise and then goes on", async () => {
  installation = await openInstallation();
  await installation.start();
  await setBudget(installation.db, 2_000_000n);
  await submitBulk(installation.databaseUrl, { lane: "realtime", inputs: questions(60), shared: { labels } });
  const { db } = installation;
  await waitFor("a job to wait for the budget", async () => {
    const { rows } = await db.query("SELECT 1 FROM jobs WHERE state = 'queued' AND wait_reason = 'budget'");
    return rows.length > 0;
  });
  await waitFor(
    "nothing to run",
    async () => (await count("running")) === 0 && (await count("dispatched")) === 0,
  );
  expect(await installation.simulator.totalNano()).toBeLessThanOrEqual(2_000_000n);
  expect(await count("succeeded")).toBeGreaterThan(0);
  await db.query("UPDATE budget_windows SET limit_nano = 1000000000; SELECT pg_notify('sluice_budget', '')");
  await waitFor("all to succeed", async () => (await count("succeeded")) === 60, { timeoutMs: 25_000 });
});
