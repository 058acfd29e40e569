// Promise 1, seen by a caller: nothing runs without a ceiling, several bind at once in both lanes, and when one is in the way the work
// does what the ceiling says. Each test ends with the referee, who compares the provider's bill.
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { formatUsd } from "../../src/domain/money.ts";
import { keysFile } from "../../src/processes/bootstrap.ts";
import { openInstallation } from "../support/installation.ts";
import type { Installation } from "../support/installation.ts";
import { judge } from "../support/referee.ts";
import { waitFor } from "../support/wait.ts";
import { waitForRest } from "./fleet.ts";

vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

// What the API answers is read as what it is.
// oxlint-disable-next-line typescript/no-explicit-any
type Json = any;

let installation: Installation;
let url: string;
let keys: Json;

beforeEach(async () => {
  installation = await openInstallation({ settings: { SLUICE_UNBUDGETED: "refuse" } });
  url = (await installation.start()).url ?? "";
  keys = JSON.parse(readFileSync(keysFile(installation.config.dataDir), "utf8"));
});
afterEach(() => installation.close());

async function call(method: string, path: string, body?: unknown, key = keys.default): Promise<Json> {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      "content-type": typeof body === "string" ? "application/x-ndjson" : "application/json",
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
  return text === "" ? null : JSON.parse(text);
}

const labels = ["card_lost", "refund", "change_pin"];
const lines = (count: number, more: object = {}): string =>
  [
    { shared: { labels } },
    ...Array.from({ length: count }, (_, n) => ({ input: { text: `I lost my card number ${n}` }, ...more })),
  ]
    .map((line) => JSON.stringify(line))
    .join("\n");
const submit = (query: string, body: string): Promise<Json> =>
  call("POST", `/v1/bulks?type=classify-intent&${query}`, body);
const bulkIs = (id: string): Promise<Json> => call("GET", `/v1/bulks/${id}`);
const finished = (id: string): Promise<Json> =>
  waitFor(
    `bulk ${id} to finish`,
    async () => {
      const bulk = await bulkIs(id);
      return bulk.state === "finished" ? bulk : null;
    },
    { timeoutMs: 60_000, everyMs: 100 },
  );
const waitsForMoney = (id: string): Promise<Json> =>
  waitFor("it to wait for money", async () => {
    const bulk = await bulkIs(id);
    return bulk.wait_reason === "budget" ? bulk : null;
  });

async function rest(): Promise<void> {
  await waitForRest(installation);
  await judge(installation.db, installation.simulator);
}

test("a queue without a budget runs nothing in either lane until it has one; the first queue begins with a small one", async () => {
  expect((await call("GET", "/v1/queues/default")).budget).toMatchObject({
    limit_usd: "5.00",
    window: "day",
  });
  await call("PUT", "/v1/queues/bare", { owner: "Ada" });
  const bulks = [await submit("queue=bare&urgency=now", lines(4)), await submit("queue=bare", lines(4))];
  for (const { id } of bulks) expect((await waitsForMoney(id)).wait_detail).toMatch(/^none_set: /);
  expect(await installation.simulator.totalNano()).toBe(0n);
  await call("POST", "/v1/budgets", { scope: "queue", target: "bare", limit_usd: "1", window: "month" });
  for (const { id } of bulks) expect((await finished(id)).counts.outcome).toEqual({ succeeded: 4 });
  await rest();
});

test("budgets of several scopes bind both lanes at once, and a raise lets waiting work go on by itself", async () => {
  await call("PUT", "/v1/queues/both", {
    owner: "Ada",
    budget: { limit_usd: "1", window: "total" },
  });
  const globalWish = { scope: "global", limit_usd: "1", window: "month" };
  const above = await call("POST", "/v1/budgets", globalWish, keys.installation);
  const free = await submit("queue=both&urgency=now", lines(10));
  await finished(free.id);
  // Room for one realtime call at its worst, so that the second one never fits.
  const { rows } = await installation.db.query<{ worst: bigint }>(
    "SELECT max(worst_nano) AS worst FROM attempts",
  );
  const limitUsd = formatUsd(BigInt(rows[0]?.worst ?? 0));
  const label = await call("POST", "/v1/budgets", {
    scope: "label",
    target: "team:core",
    limit_usd: limitUsd,
    window: "day",
    time_zone: "Europe/Warsaw",
  });
  const now = lines(30, { urgency: "now" }).split("\n").slice(1);
  const bulk = await submit("queue=both&label=team:core", [lines(30), ...now].join("\n"));
  const waiting = await waitFor("the label's budget to be in the way", async () => {
    const shown = await bulkIs(bulk.id);
    return shown.wait_budgets.length > 0 ? shown : null;
  });
  expect(waiting.wait_budgets).toMatchObject([{ id: label.id, scope: "label", target: "team:core" }]);
  const bound = await call("GET", `/v1/budgets/${label.id}`);
  expect(Number(bound.spent_usd) + Number(bound.held_usd)).toBeLessThanOrEqual(Number(limitUsd));
  await call("PUT", `/v1/budgets/${label.id}`, { limit_usd: "1", reason: "a campaign" });
  expect((await finished(bulk.id)).counts.outcome).toEqual({ succeeded: 60 });
  await waitForRest(installation);
  const [spentLabel, spentAll] = [
    (await call("GET", `/v1/budgets/${label.id}`)).spent_usd,
    (await call("GET", `/v1/budgets/${above.id}`, undefined, keys.installation)).spent_usd,
  ];
  expect((await bulkIs(bulk.id)).cost_usd).toBe(spentLabel);
  const { total_usd: total } = await call("GET", "/v1/spend", undefined, keys.installation);
  expect(spentAll).toBe(total);
  await rest();
});

test("a ceiling that downgrades sends realtime work that may wait to message batches, at half the price", async () => {
  await call("PUT", "/v1/queues/cheap", { owner: "Ada" });
  const wish = { scope: "queue", target: "cheap", limit_usd: "0", window: "total", when_bound: "downgrade" };
  const budget = await call("POST", "/v1/budgets", wish);
  const soon = await submit("queue=cheap&urgency=now", lines(20));
  const must = await submit("queue=cheap&urgency=now", lines(2, { urgency: "now" }));
  await waitFor("it to be moved", async () => {
    const { counts } = await bulkIs(soon.id);
    return counts.lane.batch === 20;
  });
  await waitsForMoney(must.id);
  expect((await bulkIs(must.id)).counts.lane).toEqual({ realtime: 2 });
  await call("PUT", `/v1/budgets/${budget.id}`, { limit_usd: "1", reason: "now it may" });
  const moved = await finished(soon.id);
  expect(moved.counts).toMatchObject({ outcome: { succeeded: 20 }, lane: { batch: 20 } });
  expect(moved.saved_pct).toBeGreaterThan(40);
  expect((await finished(must.id)).counts.lane).toEqual({ realtime: 2 });
  const { jobs } = await call("GET", `/v1/jobs?bulk=${soon.id}&limit=1`);
  expect((await call("GET", `/v1/jobs/${jobs[0].id}`)).downgraded_at).not.toBe(null);
  await rest();
});
