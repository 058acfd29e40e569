// Queues, their budgets, and what the ledger says was spent.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { waitFor } from "../support/wait.ts";
import { intentLine, intentLines, startApi, upload, type Json, type TestApi } from "./api.ts";
import { commitMoney, finishJobs } from "./jobs-done.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const put = (status: number, name: string, json: unknown): Promise<Json> =>
  api.json(status, `/v1/queues/${name}`, { method: "PUT", json });

describe("a queue", () => {
  test("is created, keeps what is not named, clears what is null", async () => {
    const created = await put(201, "own", {
      owner: "Ada",
      default_type: "classify-intent",
      default_urgency: "now",
      default_priority: 3,
      limits: { concurrency_max: 5, attempts_max: 2 },
    });
    expect(created).toMatchObject({
      name: "own",
      owner: "Ada",
      shared: false,
      default_type: "classify-intent",
      limits: { concurrency_max: 5, attempts_max: 2, job_age_max_s: null },
      paused: false,
      backlog: { total: 0, lane: {} },
      budget: null,
    });
    const changed = await put(200, "own", { default_urgency: null, limits: { concurrency_max: null } });
    expect(changed).toMatchObject({
      id: created.id,
      owner: "Ada",
      default_type: "classify-intent",
      default_urgency: null,
      default_priority: 3,
      limits: { concurrency_max: null, attempts_max: 2 },
    });
    expect(await api.json(200, "/v1/queues/own")).toEqual(changed);
  });

  test.each([
    [{ default_type: "no-such-type" }, 404, "type_not_found"],
    [{ default_priority: 10 }, 400, "invalid_input"],
    [{ limit: {} }, 400, "invalid_input"],
    [{ limits: { attempts_max: 0 } }, 400, "invalid_input"],
    [{ budget: { limit_usd: 5, window: "day" } }, 400, "invalid_input"],
    [{ budget: { limit_usd: "1e3", window: "day" } }, 400, "invalid_input"],
    [{ budget: { limit_usd: "5", window: "week" } }, 400, "invalid_input"],
    [{ budget: { limit_usd: "5", window: "day", time_zone: "Mars/Olympus" } }, 400, "invalid_input"],
  ])("refuses %j", async (json, status, code) => {
    expect((await put(status, "refused", json)).code).toBe(code);
    expect((await api.json(404, "/v1/queues/refused")).code).toBe("queue_not_found");
  });

  test("names the nearest field for one it does not know", async () => {
    const problem = await put(400, "refused", { limit: {} });
    expect(problem.errors).toEqual([
      { field: "limit", reason: "is not a known field; did you mean limits?" },
    ]);
  });

  test("is listed with its backlog by lane and state", async () => {
    await put(201, "busy", { default_type: "classify-intent" });
    await api.json(
      202,
      "/v1/bulks?queue=busy",
      upload([...intentLines(2), intentLine("x", { urgency: "now" })]),
    );
    const { queues } = await api.json(200, "/v1/queues");
    const busy = queues.find((queue: Json) => queue.name === "busy");
    expect(busy.backlog).toEqual({ total: 3, lane: { batch: { queued: 2 }, realtime: { queued: 1 } } });
  });

  test("is paused with everything, and stays paused by itself when that is lifted", async () => {
    await put(201, "twice", {});
    await api.json(200, "/v1/queues/twice/pause", { json: { reason: "own" } });
    await api.json(200, "/v1/pause", { json: { reason: "all" }, key: api.keys.installation });
    expect((await api.json(200, "/v1/queues/twice")).flags.map((flag: Json) => flag.reason)).toEqual([
      "own",
      "all",
    ]);
    await api.json(200, "/v1/resume", { method: "POST", key: api.keys.installation });
    expect((await api.json(200, "/v1/queues/twice")).flags.map((flag: Json) => flag.reason)).toEqual(["own"]);
    expect((await api.json(404, "/v1/queues/nowhere/pause", { json: { reason: "x" } })).code).toBe(
      "queue_not_found",
    );
    expect((await api.json(400, "/v1/queues/twice/pause", { json: {} })).errors[0].field).toBe("reason");
  });
});

describe("a budget", () => {
  test("shows the window that it has, or will have", async () => {
    const { budget } = await put(201, "monthly", {
      budget: { limit_usd: "12.5", window: "month", time_zone: "Europe/Berlin" },
    });
    expect(budget).toMatchObject({
      limit_usd: "12.50",
      window: "month",
      time_zone: "Europe/Berlin",
      spent_usd: "0.00",
      held_usd: "0.00",
      available_usd: "12.50",
    });
    // Midnight in Berlin is 22 or 23 o'clock of the day before in UTC.
    expect(budget.starts_at).toMatch(/T2[23]:00:00.000Z$/);
    expect((await put(200, "monthly", { owner: "still there" })).budget).toEqual(budget);
    expect((await put(400, "monthly", { budget: null })).errors[0].field).toBe("reason");
    expect((await put(200, "monthly", { budget: null, reason: "moved" })).budget).toBe(null);
  });

  test("is not lowered below what is spent and held, unless forced; a raise tells the lanes", async () => {
    const queue = await put(201, "tight", { budget: { limit_usd: "10", window: "total" } });
    await commitMoney(api.pool, queue.id, { spentNano: 3_000_000_000n, heldNano: 2_500_000_001n });
    const problem = await put(409, "tight", {
      owner: "unchanged?",
      budget: { limit_usd: "5.5", window: "total" },
    });
    expect(problem).toMatchObject({ code: "budget_below_committed", smallest_limit_usd: "5.500000001" });
    expect(await api.json(200, "/v1/queues/tight")).toMatchObject({
      owner: queue.owner,
      budget: { limit_usd: "10.00" },
    });
    const exact = await put(200, "tight", { budget: { limit_usd: "5.500000001", window: "total" } });
    expect(exact.budget).toMatchObject({ spent_usd: "3.00", held_usd: "2.500000001", available_usd: "0.00" });
    const forced = await put(200, "tight", { budget: { limit_usd: "1", window: "total" }, force: true });
    expect(forced.budget).toMatchObject({ limit_usd: "1.00", available_usd: "0.00" });

    const listener = await api.pool.connect();
    const heard: string[] = [];
    listener.on("notification", ({ payload }) => heard.push(payload ?? ""));
    await listener.query("LISTEN sluice_budget");
    const wish = { budget: { limit_usd: "20", window: "total" } };
    expect((await put(400, "tight", wish)).errors[0].field).toBe("reason");
    const raised = await put(200, "tight", { ...wish, reason: "more tickets" });
    expect(raised.budget.available_usd).toBe("14.499999999");
    await waitFor("the word to the lanes", () => heard.includes(queue.id));
    await listener.query("UNLISTEN *");
    listener.release(true);
    const { rows } = await api.pool.query(
      "SELECT detail -> 'budget' AS budget, detail ->> 'reason' AS reason FROM audit_events WHERE subject_id = $1 ORDER BY id DESC LIMIT 1",
      [queue.id],
    );
    expect(rows[0].budget).toMatchObject({ limit_usd: "20.00", limit_usd_before: "1.00" });
    expect(rows[0].reason).toBe("more tickets");
  });

  test("of another window is another budget; the old one binds no more", async () => {
    const queue = await put(201, "moved", { budget: { limit_usd: "1", window: "day" } });
    await put(200, "moved", { budget: { limit_usd: "2", window: "month" }, reason: "by month" });
    const { rows } = await api.pool.query(
      "SELECT window_kind, ended_at IS NULL AS open FROM budgets WHERE target = $1 ORDER BY created_at",
      [queue.id],
    );
    expect(rows).toEqual([
      { window_kind: "day", open: false },
      { window_kind: "month", open: true },
    ]);
  });

  test("changed by many at once ends in one of their states", async () => {
    await put(201, "raced", { budget: { limit_usd: "1", window: "day" } });
    const windows = ["day", "month", "total"];
    await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        put(200, "raced", {
          budget: { limit_usd: `${index + 1}`, window: windows[index % 3] },
          reason: "a race",
        }),
      ),
    );
    const { id, budget } = await api.json(200, "/v1/queues/raced");
    const { rows } = await api.pool.query(
      "SELECT limit_nano FROM budgets WHERE target = $1 AND ended_at IS NULL",
      [id],
    );
    expect(rows).toHaveLength(1);
    expect(budget.limit_usd).toBe(`${Number(rows[0].limit_nano / 1_000_000_000n)}.00`);
  });
});

describe("spend", () => {
  test("adds up by every dimension, and by label under each label", async () => {
    await put(201, "paid", { default_type: "classify-intent" });
    const bulk = await api.json(
      202,
      "/v1/bulks?queue=paid&label=team:core",
      upload([intentLine("a"), intentLine("b", { labels: { feature: "x" }, urgency: "now" })]),
    );
    await finishJobs(api.pool, bulk.id, [
      { line: 1, state: "succeeded", costNano: 1_000_000_000n, realtimeNano: 2_000_000_000n },
      { line: 2, state: "failed", costNano: 500_000_000n, realtimeNano: 500_000_000n },
    ]);
    const by = (dimension: string, key = api.keys.one): Promise<Json> =>
      api.json(200, `/v1/spend?by=${dimension}`, { key });
    const named = (spend: Json) => spend.rows.map((row: Json) => [row.name, row.cost_usd]);
    expect(named(await by("queue"))).toEqual([["paid", "1.50"]]);
    expect(named(await by("tenant"))).toEqual([["one", "1.50"]]);
    expect(named(await by("type"))).toEqual([["classify-intent", "1.50"]]);
    expect(named(await by("version"))).toEqual([["classify-intent@1", "1.50"]]);
    expect(named(await by("bulk"))).toEqual([[bulk.id, "1.50"]]);
    expect(named(await by("lane"))).toEqual([
      ["batch", "1.00"],
      ["realtime", "0.50"],
    ]);
    expect(named(await by("label"))).toEqual([
      ["team:core", "1.50"],
      ["feature:x", "0.50"],
    ]);
    expect(named(await by("day"))).toEqual([[new Date().toISOString().slice(0, 10), "1.50"]]);
    const whole = await by("model");
    expect(whole).toMatchObject({ total_usd: "1.50", truncated: false });
    expect(whole.rows[0]).toMatchObject({ attempts: 2, jobs: 2, realtime_only_usd: "2.50", saved_pct: 40 });
    expect((await by("queue", api.keys.two)).rows).toEqual([]);
    expect(named(await by("tenant", api.keys.installation))).toEqual([["one", "1.50"]]);
    expect((await api.json(200, "/v1/spend?by=day&from=2020-01-01&to=2020-02-01")).rows).toEqual([]);
    expect((await api.json(400, "/v1/spend?from=2030-01-01&to=2020-01-01")).code).toBe("invalid_query");
    expect((await api.json(400, "/v1/spend?by=colour")).code).toBe("invalid_query");
  });
});
