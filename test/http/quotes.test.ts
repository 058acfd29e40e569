// What a bulk would cost before it exists, a quote as its ceiling, and the second person's word.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../src/config/ids.ts";
import { createAccessKey } from "../../src/control/access.ts";
import { quoteSchema } from "../../src/http/quote-schema.ts";
import { findWaitingBulks } from "../../src/postgres/dispatch.ts";
import { readLineBulks, readWaitingQueues } from "../../src/postgres/message-batch-waiting.ts";
import { intentLabels, intentLine, intentLines, startApi, upload, type Json, type TestApi } from "./api.ts";

let api: TestApi;
const people = { ada: "", ben: "" };
beforeAll(async () => {
  api = await startApi();
  for (const name of ["ada", "ben"] as const)
    people[name] = (
      await createAccessKey(
        { pool: api.pool, newId },
        {
          tenantId: api.tenants.one,
          holderKind: "person",
          holderName: name,
          scopes: ["submit", "read", "operate", "admin"],
          actor: "test",
        },
      )
    ).secret;
});
afterAll(() => api.close());

const path = (query: string): string => `/v1/bulks?type=classify-intent${query}`;
const count = async (table: string): Promise<number> => {
  const { rows } = await api.pool.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`);
  return rows[0]?.n ?? 0;
};

describe("a quote", () => {
  test("says what a bulk would cost and accepts nothing", async () => {
    const before = await count("bulks");
    const lines = [...intentLines(3), intentLine("now", { urgency: "now" })];
    const quote = await api.json(200, path("&quote=true"), upload(lines));
    quoteSchema.parse(quote);
    expect(quote).toMatchObject({
      accepted: 4,
      invalid: 0,
      expected_from: 0,
      lanes: { realtime: { jobs: 1 }, batch: { jobs: 3, finish_s: 3_600 } },
      needs_approval: false,
    });
    expect(Number(quote.worst_usd)).toBeGreaterThan(Number(quote.expected_usd));
    expect(await count("bulks")).toBe(before);
    // The same lines, accepted, have the same worst case.
    const { id } = await api.json(202, path(""), upload(lines));
    expect((await api.json(200, `/v1/bulks/${id}`)).worst_usd).toBe(quote.worst_usd);
  });

  test("names the budget that is too small, and by how much", async () => {
    const budget = { limit_usd: "0.000001", window: "total" };
    await api.json(201, "/v1/queues/poor", { method: "PUT", json: { budget } });
    const quote = await api.json(200, path("&queue=poor&quote=true"), upload(intentLines(2)));
    expect(quote.binding).toMatchObject({ kind: "budget", available_usd: "0.000001" });
    expect(Number(quote.binding.short_usd)).toBeCloseTo(Number(quote.worst_usd) - 0.000001, 9);
  });

  test("tells of a budget over everybody that it is too small, and not what is left of it", async () => {
    const wish = { scope: "global", limit_usd: "0.000001", window: "day" };
    const key = api.keys.installation;
    const { id } = await api.json(201, "/v1/budgets", { json: wish, key });
    const quote = await api.json(200, path("&quote=true"), upload(intentLines(2)));
    expect(quote.binding).toEqual({ kind: "budget", budget: null, available_usd: null, short_usd: null });
    await api.send(`/v1/budgets/${id}?reason=over`, { method: "DELETE", key });
  });

  test("learns from what such jobs really cost", async () => {
    const { id } = await api.json(202, path(""), upload(intentLines(30)));
    await api.pool.query(
      `INSERT INTO attempts (job_id, no, tenant_id, bulk_id, lane, state, credential_id, message_batch_id, job_type, prompt_version, model,
         request_sha256, request_bytes, worst_nano, cost_nano, recorded_at, price_id, price_at, queued_at)
       SELECT id, 1, tenant_id, bulk_id, 'batch', 'settled', 'default', 'b', job_type, prompt_version, model, request_sha256, request_bytes,
         1000, 100, now(), 'test', now(), now() FROM jobs WHERE bulk_id = $1`,
      [id],
    );
    await api.pool.query(
      `INSERT INTO ledger (tenant_id, kind, job_id, attempt_no, bulk_id, queue_id, job_type, prompt_version, model, lane, price_id, amount_nano, realtime_nano)
       SELECT tenant_id, 'settle', id, 1, bulk_id, queue_id, job_type, prompt_version, model, 'batch', 'test', 100, 200 FROM jobs WHERE bulk_id = $1`,
      [id],
    );
    const quote = await api.json(200, path("&quote=true"), upload(intentLines(5)));
    expect(quote.expected_from).toBe(30);
    expect(Number(quote.expected_usd) / Number(quote.worst_usd)).toBeCloseTo(0.1, 3);
  });

  test("becomes the ceiling of the bulk that names it: the same body, once, within its hour", async () => {
    const lines = intentLines(3);
    const { id: quoteId, worst_usd } = await api.json(200, path("&quote=true"), upload(lines));
    const under = (body: unknown[], query = ""): Promise<Response> =>
      api.send(path(`&quote_id=${quoteId}${query}`), upload(body));
    const bulks = await count("bulks");
    for (const refused of [await under(intentLines(4)), await under(lines, "&urgency=now")]) {
      expect(refused.status).toBe(422);
      expect(((await refused.json()) as Json).code).toBe("quote_mismatch");
    }
    expect(await count("bulks")).toBe(bulks);

    const accepted = (await (await under(lines)).json()) as Json;
    const { rows } = await api.pool.query(
      "SELECT scope, window_kind, limit_nano FROM budgets WHERE target = $1",
      [accepted.id],
    );
    const limitNano = BigInt(Math.round(Number(worst_usd) * 1e9));
    expect(rows).toEqual([{ scope: "bulk", window_kind: "total", limit_nano: limitNano }]);
    expect(await (await under(lines)).json()).toMatchObject({ code: "quote_used" });

    const other = await api.send(path(`&quote_id=${quoteId}`), { ...upload(lines), key: api.keys.two });
    expect(other.status).toBe(404);
    const late = await api.json(200, path("&quote=true"), upload(lines));
    await api.pool.query("UPDATE quotes SET expires_at = now() WHERE id = $1", [late.id]);
    const response = await api.send(path(`&quote_id=${late.id}`), upload(lines));
    expect(await response.json()).toMatchObject({ code: "quote_used", status: 409 });
  });

  test("is refused for the lines a submission is refused for", async () => {
    const bad = [...intentLines(1), intentLine("x", { input: { text: 7, labels: intentLabels } })];
    expect((await api.send(path("&quote=true"), upload(bad))).status).toBe(422);
    const skipped = await api.json(200, path("&quote=true&on_invalid=skip"), upload(bad));
    expect(skipped).toMatchObject({ accepted: 1, invalid: 1, errors: [{ line: 2 }] });
    const both = await api.send(path("&quote=true&quote_id=x"), upload(intentLines(1)));
    expect(both.status).toBe(400);
  });
});

describe("a bulk above what one person may spend", () => {
  test("waits for a second person, says so, and then starts", async () => {
    const settings = { approve_above_usd: "0.000001" };
    await api.json(201, "/v1/queues/careful", { method: "PUT", json: settings });
    const lines = [...intentLines(2), intentLine("now", { urgency: "now" })];
    const asAda = (at: string, request = {}): Promise<Response> =>
      api.send(at, { key: people.ada, ...request });
    const submitted = (await (await asAda(path("&queue=careful"), upload(lines))).json()) as Json;
    expect(submitted.approval).toBe("waiting");
    const { id } = submitted;

    const startable = async (): Promise<boolean> => {
      const realtime = await findWaitingBulks(api.pool, 1_000);
      const queues = await readWaitingQueues(api.pool, new Date());
      const batch = await Promise.all(
        queues.map(({ queueId }) => readLineBulks(api.pool, queueId, "", 1_000)),
      );
      return [...realtime, ...batch.flat()].some(({ bulkId }) => bulkId === id);
    };
    expect(await startable()).toBe(false);
    expect(await api.json(200, `/v1/bulks/${id}`)).toMatchObject({
      wait_reason: "approval",
      wait_detail: expect.stringContaining(`/v1/bulks/${id}/approve`),
      approval: { state: "waiting", by: null, at: null },
    });
    const { jobs } = await api.json(200, `/v1/jobs?bulk=${id}`);
    expect((await api.json(200, `/v1/jobs/${jobs[0].id}`)).wait_reason).toBe("approval");

    const approve = (key: string): Promise<Response> =>
      api.send(`/v1/bulks/${id}/approve`, { method: "POST", key, json: { reason: "seen the numbers" } });
    // The submitter, and a key that is no person's.
    for (const key of [people.ada, api.keys.one]) {
      const refused = await approve(key);
      expect(refused.status).toBe(403);
      expect(await refused.json()).toMatchObject({ code: "second_person_needed" });
    }
    expect((await approve(api.keys.two)).status).toBe(404);
    expect(await startable()).toBe(false);

    expect(await (await approve(people.ben)).json()).toMatchObject({ id, approved_by: "person:ben" });
    expect(await startable()).toBe(true);
    expect(await api.json(200, `/v1/bulks/${id}`)).toMatchObject({
      wait_reason: null,
      approval: { state: "approved", by: "person:ben" },
    });
    expect(await (await approve(people.ben)).json()).toMatchObject({ code: "approval_not_needed" });
    const { rows } = await api.pool.query(
      "SELECT actor FROM audit_events WHERE act = 'bulk.approved' AND subject_id = $1",
      [id],
    );
    expect(rows).toEqual([{ actor: "person:ben" }]);
  });

  test("the database itself refuses the submitter's own word", async () => {
    await api.json(200, "/v1/queues/careful", { method: "PUT", json: { approve_above_usd: "0.000001" } });
    const { id } = await api.json(202, path("&queue=careful"), upload(intentLines(2)));
    await expect(
      api.pool.query(
        "UPDATE bulks SET approval = 'approved', approved_at = now(), approved_by = created_by WHERE id = $1",
        [id],
      ),
    ).rejects.toThrow(/bulks_approved_by_another/);
  });

  test("a bulk at the limit needs nobody; moving the limit needs admin", async () => {
    await api.json(201, "/v1/queues/generous", { method: "PUT", json: { approve_above_usd: "1000" } });
    const { approval } = await api.json(202, path("&queue=generous"), upload(intentLines(2)));
    expect(approval).toBeNull();
    const operator = await api.key(api.tenants.one, ["operate", "read"]);
    const refused = await api.send("/v1/queues/generous", {
      method: "PUT",
      key: operator,
      json: { approve_above_usd: null },
    });
    expect(refused.status).toBe(403);
  });
});
