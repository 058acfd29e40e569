// Budgets over the API: who may set, see, raise and end which; what is held; what waiting and refused work is told.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../src/config/clock.ts";
import { booksAt, claimJobs, verdictsOf } from "../support/claims.ts";
import { waitFor } from "../support/wait.ts";
import { intentLine, intentLines, startApi, upload, type Json, type TestApi } from "./api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const create = (status: number, json: object, key = api.keys.one): Promise<Json> =>
  api.json(status, "/v1/budgets", { json, key });
const change = (status: number, id: string, json: object, key = api.keys.one): Promise<Json> =>
  api.json(status, `/v1/budgets/${id}`, { method: "PUT", json, key });
const end = (id: string, reason = "over", key = api.keys.one): Promise<Response> =>
  api.send(`/v1/budgets/${id}?reason=${encodeURIComponent(reason)}`, { method: "DELETE", key });
const claim = async (bulk: string): Promise<string[]> => {
  const { rows } = await api.pool.query<{ id: string }>(
    "SELECT id FROM jobs WHERE bulk_id = $1 ORDER BY line",
    [bulk],
  );
  const books = booksAt(api.pool, systemClock);
  const ids = rows.map((row) => row.id);
  return verdictsOf(await claimJobs(api.pool, books, ids));
};

describe("a budget", () => {
  test("is set for a queue, a job type, a label, a bulk and a tenant of one's own", async () => {
    const queue = await api.json(201, "/v1/queues/scoped", { method: "PUT", json: {} });
    const bulk = await api.json(202, "/v1/bulks?queue=scoped&type=classify-intent", upload(intentLines(1)));
    const money = { limit_usd: "2.50", window: "month", time_zone: "Europe/Warsaw" };
    const wishes = [
      { scope: "queue", target: "scoped", shown: "scoped", id: queue.id },
      { scope: "job_type", target: "classify-intent", shown: "classify-intent", id: "classify-intent" },
      { scope: "label", target: "team:core", shown: "team:core", id: "team:core" },
      { scope: "bulk", target: bulk.id, shown: bulk.id, id: bulk.id },
      { scope: "tenant", shown: "one", id: api.tenants.one },
    ];
    for (const { shown, id, ...aim } of wishes) {
      const budget = await create(201, { ...aim, ...money, owner: "Ada", when_bound: "downgrade" });
      expect(budget).toMatchObject({
        scope: aim.scope,
        target: shown,
        target_id: id,
        tenant: "one",
        owner: "Ada",
        ...money,
        when_bound: "downgrade",
        spent_usd: "0.00",
        held_usd: "0.00",
        available_usd: "2.50",
        ended_at: null,
      });
      expect(await api.json(200, `/v1/budgets/${budget.id}`)).toEqual(budget);
      const listed = await api.json(
        200,
        `/v1/budgets?scope=${aim.scope}&target=${encodeURIComponent(shown)}`,
      );
      expect(listed.budgets).toEqual([budget]);
      expect((await end(budget.id)).status).toBe(204);
    }
  });

  test.each([
    [{ scope: "queue", target: "nowhere" }, 404, "queue_not_found"],
    [{ scope: "queue" }, 400, "invalid_input"],
    [{ scope: "job_type", target: "nothing" }, 404, "type_not_found"],
    [{ scope: "label", target: "nocolon" }, 400, "invalid_input"],
    [{ scope: "bulk", target: "01jd3v2f0000000000000000zz" }, 404, "not_found"],
    [{ scope: "tenant", target: "two" }, 404, "not_found"],
    [{ scope: "global" }, 403, "forbidden_scope"],
    [{ scope: "planet" }, 400, "invalid_input"],
  ])("is refused for %j", async (aim, status, code) => {
    expect((await create(status, { ...aim, limit_usd: "1", window: "day" })).code).toBe(code);
  });

  test("stands beside one of another window or manager, and not beside its like", async () => {
    const wish = { scope: "tenant", target: "two", limit_usd: "1", window: "day" };
    const own = await create(201, { ...wish, target: undefined }, api.keys.two);
    await create(201, { ...wish, window: "month" }, api.keys.two);
    expect((await create(409, wish, api.keys.two)).code).toBe("conflict");
    const above = await create(201, wish, api.keys.installation);
    expect(above).toMatchObject({ tenant: "installation", target: "two" });
    // The tenant sees the ceiling above it and cannot move it.
    expect(await api.json(200, `/v1/budgets/${above.id}`, { key: api.keys.two })).toEqual(above);
    expect((await change(403, above.id, { limit_usd: "0.5" }, api.keys.two)).code).toBe("forbidden_scope");
    expect((await end(above.id, "no", api.keys.two)).status).toBe(403);
    const seen = await api.json(200, "/v1/budgets", { key: api.keys.two });
    expect(seen.budgets.map((one: Json) => one.id)).toEqual(expect.arrayContaining([own.id, above.id]));
    // Nobody else knows of either.
    expect((await api.json(404, `/v1/budgets/${own.id}`)).code).toBe("not_found");
    expect((await change(404, own.id, { limit_usd: "9", reason: "x" })).code).toBe("not_found");
    expect((await end(own.id)).status).toBe(404);
    expect((await api.json(404, `/v1/budgets/${above.id}/holds`)).code).toBe("not_found");
    const all = await api.json(200, "/v1/budgets?scope=tenant", { key: api.keys.installation });
    expect(all.budgets.map((one: Json) => one.id)).toEqual(expect.arrayContaining([own.id, above.id]));
    for (const { id } of all.budgets) await end(id, "over", api.keys.installation);
  });

  test("is raised by an admin with a reason, and the audit trail keeps it", async () => {
    await api.json(201, "/v1/queues/raised", { method: "PUT", json: {} });
    const { id } = await create(201, { scope: "queue", target: "raised", limit_usd: "1", window: "total" });
    const operator = await api.key(api.tenants.one, ["operate"]);
    expect((await change(403, id, { limit_usd: "2", reason: "more" }, operator)).code).toBe(
      "forbidden_scope",
    );
    expect((await change(400, id, { limit_usd: "2" })).errors[0].field).toBe("reason");
    expect(await change(200, id, { limit_usd: "2", reason: "a campaign" })).toMatchObject({
      limit_usd: "2.00",
    });
    const lowered = await change(200, id, { limit_usd: "0.5", owner: "Bo", when_bound: "reject" }, operator);
    expect(lowered).toMatchObject({ limit_usd: "0.50", owner: "Bo", when_bound: "reject" });
    expect(
      (await api.json(403, `/v1/budgets/${id}?reason=x`, { method: "DELETE", key: operator })).code,
    ).toBe("forbidden_scope");
    expect((await api.json(400, `/v1/budgets/${id}`, { method: "DELETE" })).code).toBe("invalid_query");
    expect((await end(id, "done")).status).toBe(204);
    expect((await end(id)).status).toBe(409);
    expect((await change(409, id, { owner: "late" })).code).toBe("conflict");
    expect((await api.json(200, `/v1/budgets/${id}`)).ended_at).not.toBe(null);
    const { rows } = await api.pool.query(
      "SELECT act, actor, detail ->> 'reason' AS reason FROM audit_events WHERE subject_id = $1 ORDER BY id",
      [id],
    );
    expect(rows).toEqual([
      { act: "budget.created", actor: "service:test", reason: null },
      { act: "budget.raised", actor: "service:test", reason: "a campaign" },
      { act: "budget.changed", actor: "service:test", reason: null },
      { act: "budget.ended", actor: "service:test", reason: "done" },
    ]);
  });

  test("lists in pages, and those that have ended when asked", async () => {
    await api.json(201, "/v1/queues/paged", { method: "PUT", json: {} });
    const ids: string[] = [];
    for (const window of ["day", "month", "total"])
      ids.unshift((await create(201, { scope: "queue", target: "paged", limit_usd: "1", window })).id);
    await end(ids[0] ?? "");
    const list = (query: string): Promise<Json> => api.json(200, `/v1/budgets?target=paged${query}`);
    expect((await list("")).budgets.map((one: Json) => one.id)).toEqual(ids.slice(1));
    expect((await list("&ended=true")).budgets).toHaveLength(3);
    const first = await list("&limit=1");
    expect(first.next).toBe(ids[1]);
    expect((await list(`&limit=1&after=${first.next}`)).budgets.map((one: Json) => one.id)).toEqual([ids[2]]);
  });
});

describe("waiting work", () => {
  test("says that no budget is set, and what to do", async () => {
    await api.json(201, "/v1/queues/bare", { method: "PUT", json: { default_type: "classify-intent" } });
    const bulk = await api.json(202, "/v1/bulks?queue=bare&urgency=now", upload(intentLines(1)));
    expect(await claim(bulk.id)).toEqual(["budget"]);
    const shown = await api.json(200, `/v1/bulks/${bulk.id}`);
    expect(shown.wait_reason).toBe("budget");
    expect(shown.wait_detail).toMatch(
      /^none_set: no budget covers this work; set one with POST \/v1\/budgets/,
    );
    const { jobs } = await api.json(200, `/v1/jobs?bulk=${bulk.id}`);
    const job = await api.json(200, `/v1/jobs/${jobs[0].id}`);
    expect(job).toMatchObject({ wait_reason: "budget", wait_detail: shown.wait_detail, wait_budgets: [] });
  });

  test("names the budget without room, what was wanted, and the holds in its way", async () => {
    await api.json(201, "/v1/queues/narrow", { method: "PUT", json: { default_type: "classify-intent" } });
    const wide = await create(201, { scope: "queue", target: "narrow", limit_usd: "100", window: "total" });
    const first = await api.json(202, "/v1/bulks?queue=narrow&urgency=now", upload(intentLines(1)));
    expect(await claim(first.id)).toEqual(["claimed"]);
    const worst = (await api.json(200, `/v1/budgets/${wide.id}`)).held_usd;
    const tight = await create(201, {
      scope: "label",
      target: "team:core",
      limit_usd: worst,
      window: "day",
      time_zone: "Europe/Warsaw",
    });
    const second = await api.json(
      202,
      "/v1/bulks?queue=narrow&urgency=now&label=team:core",
      upload(intentLines(2)),
    );
    expect(await claim(second.id)).toEqual(["claimed", "budget"]);

    const shown = await api.json(200, `/v1/bulks/${second.id}`);
    expect(shown.wait_detail).toContain(`the day budget ${tight.id} of label team:core has 0.00 USD left`);
    expect(shown.wait_budgets).toEqual([
      {
        id: tight.id,
        scope: "label",
        target: "team:core",
        window: "day",
        ends_at: tight.ends_at,
        wanted_usd: worst,
        available_usd: "0.00",
        held_usd: worst,
        holds: `${api.origin}/v1/budgets/${tight.id}/holds`,
      },
    ]);
    const { jobs } = await api.json(200, `/v1/jobs?bulk=${second.id}`);
    expect((await api.json(200, `/v1/jobs/${jobs[1].id}`)).wait_budgets).toEqual(shown.wait_budgets);

    const { holds, next } = await api.json(200, `/v1/budgets/${tight.id}/holds`);
    expect(next).toBe(null);
    expect(holds).toMatchObject([
      {
        owner: { kind: "attempt", id: `${jobs[0].id}-1`, job: jobs[0].id, attempt: 1 },
        reason: "realtime_call",
        state: "open",
        amount_usd: worst,
        remaining_usd: worst,
        expires_at: null,
      },
    ]);
    const page = await api.json(200, `/v1/budgets/${wide.id}/holds?limit=1`);
    const rest = await api.json(200, `/v1/budgets/${wide.id}/holds?limit=1&after=${page.next}`);
    expect([...page.holds, ...rest.holds].map((hold: Json) => hold.owner.attempt)).toEqual([1, 1]);
    await end(wide.id);
    await end(tight.id);
  });

  test("is told of the installation's ceiling, and not what others spend under it", async () => {
    await api.json(201, "/v1/queues/under", { method: "PUT", json: { default_type: "classify-intent" } });
    const wish = { scope: "global", limit_usd: "0.000001", window: "day" };
    const { id } = await create(201, wish, api.keys.installation);
    const bulk = await api.json(202, "/v1/bulks?queue=under&urgency=now", upload(intentLines(1)));
    expect(await claim(bulk.id)).toEqual(["budget"]);
    const shown = await api.json(200, `/v1/bulks/${bulk.id}`);
    expect(shown.wait_detail).toMatch(
      /^a day budget of the installation has no room; its next window begins at /,
    );
    expect(shown.wait_budgets).toMatchObject([
      { id: null, scope: "global", target: null, available_usd: null, held_usd: null, holds: null },
    ]);
    expect((await end(id, "over", api.keys.installation)).status).toBe(204);
  });
});

describe("a budget that rejects", () => {
  test("turns away submissions of which nothing fits, and names the holds in the way", async () => {
    await api.json(201, "/v1/queues/strict", { method: "PUT", json: { default_type: "classify-intent" } });
    const { id } = await create(201, { scope: "queue", target: "strict", limit_usd: "100", window: "day" });
    const probe = await api.json(202, "/v1/bulks?queue=strict&urgency=now", upload(intentLines(1)));
    expect(await claim(probe.id)).toEqual(["claimed"]);
    const worst = (await api.json(200, `/v1/budgets/${id}`)).held_usd;
    await change(200, id, { limit_usd: worst, when_bound: "reject" });

    const job = { queue: "strict", input: intentLine("Where is my card?").input };
    const problem = await waitFor("the process to hear of it", async () => {
      const answer = await api.send("/v1/jobs", { json: job });
      return answer.status === 409 ? ((await answer.json()) as Json) : null;
    });
    expect(problem).toMatchObject({
      code: "budget_bound",
      retryable: true,
      budget: id,
      scope: "queue",
      target: "strict",
      limit_usd: worst,
      held_usd: worst,
      available_usd: "0.00",
    });
    expect(problem.detail).toContain(`the day budget ${id} of queue strict has 0.00 USD left`);
    expect(problem.holds).toMatchObject([{ owner: { kind: "attempt" }, remaining_usd: worst }]);
    const refused = await api.send("/v1/bulks?queue=strict", upload(intentLines(3)));
    expect(refused.status).toBe(409);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    const before = await api.pool.query("SELECT count(*) FROM bulks");

    // A little is left, and less than any of these may cost: found out when they are written, and nothing of it is kept.
    const [whole = "", part = ""] = worst.split(".");
    const more = `${whole}.${(BigInt(part.padEnd(9, "0")) + 1_000n).toString().padStart(9, "0")}`;
    await change(200, id, { limit_usd: more, reason: "a little more" });
    const small = await api.json(
      409,
      "/v1/bulks?queue=strict",
      upload(intentLines(3), { "Idempotency-Key": "k1" }),
    );
    expect(small).toMatchObject({ code: "budget_bound", available_usd: "0.000001" });
    expect((await api.pool.query("SELECT count(*) FROM bulks")).rows).toEqual(before.rows);

    // The refusal was of the moment: the same key may be sent again.
    await change(200, id, { limit_usd: "100", reason: "go on" });
    await api.json(202, "/v1/bulks?queue=strict", upload(intentLines(3), { "Idempotency-Key": "k1" }));
  });
});
