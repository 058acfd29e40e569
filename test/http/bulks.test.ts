// A bulk after it was accepted: its counts, why it waits, watching it, canceling it, trying parts of it again, deleting it.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { intentLine, intentLines, linesOf, startApi, upload, type Json, type TestApi } from "./api.ts";
import { finishJobs, openAttempt, type Ending } from "./jobs-done.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const submit = async (lines: readonly unknown[], query = ""): Promise<string> =>
  (await api.json(202, `/v1/bulks?type=classify-intent${query}`, upload(lines))).id;
const results = async (id: string, query = ""): Promise<Json[]> =>
  linesOf(await (await api.send(`/v1/bulks/${id}/results${query}`)).text());
const succeeded = (line: number): Ending => ({
  line,
  state: "succeeded",
  output: { label: "refund" },
  costNano: 1_000n,
  realtimeNano: 2_000n,
});

describe("a bulk", () => {
  test("counts by state, outcome and lane, adds up its money, and knows when it is done", async () => {
    const id = await submit([...intentLines(2), intentLine("now", { urgency: "now" })]);
    await finishJobs(api.pool, id, [
      succeeded(1),
      { line: 3, state: "failed", costNano: 500n, realtimeNano: 500n },
    ]);
    const running = await api.json(200, `/v1/bulks/${id}`);
    expect(running).toMatchObject({
      state: "running",
      counts: {
        state: { queued: 1, succeeded: 1, failed: 1 },
        outcome: { succeeded: 1, failed: 1 },
        lane: { batch: 2, realtime: 1 },
      },
      progress: { done: 2, total: 3, percent: 66.6 },
      cost_usd: "0.0000015",
      realtime_only_usd: "0.0000025",
      saved_usd: "0.000001",
      saved_pct: 40,
    });
    expect(running.eta.jobs_per_s).toBeGreaterThan(0);
    await finishJobs(api.pool, id, [succeeded(2)]);
    expect(await api.json(200, `/v1/bulks/${id}`)).toMatchObject({
      state: "finished",
      eta: null,
      wait_reason: null,
    });
    const { bulks } = await api.json(200, "/v1/bulks?limit=1");
    expect(bulks[0]).toMatchObject({ id, progress: { done: 3, total: 3, percent: 100 } });
  });

  test("is listed newest first, page by page, by queue and label", async () => {
    await api.json(201, "/v1/queues/listed", { method: "PUT", json: {} });
    const ids: string[] = [];
    for (const label of ["a", "b", "b"])
      ids.push(await submit(intentLines(1), `&queue=listed&label=round:${label}`));
    const first = await api.json(200, "/v1/bulks?queue=listed&limit=2");
    const second = await api.json(200, `/v1/bulks?queue=listed&limit=2&after=${first.next}`);
    expect([...first.bulks, ...second.bulks].map((bulk: Json) => bulk.id)).toEqual(ids.toReversed());
    expect(second.next).toBe(null);
    const labelled = await api.json(200, "/v1/bulks?label=round:b");
    expect(labelled.bulks.map((bulk: Json) => bulk.id)).toEqual(ids.slice(1).toReversed());
    const jobs = await api.json(200, "/v1/jobs?label=round:b&limit=1");
    const more = await api.json(200, `/v1/jobs?label=round:b&limit=1&after=${jobs.next}`);
    expect([...jobs.jobs, ...more.jobs].map((job: Json) => job.bulk)).toEqual(ids.slice(1).toReversed());
  });

  test("says why it waits: a pause before anything else", async () => {
    await api.json(201, "/v1/queues/held", { method: "PUT", json: {} });
    const id = await submit(intentLines(2), "&queue=held");
    await api.pool.query("UPDATE jobs SET wait_reason = 'budget' WHERE bulk_id = $1", [id]);
    expect(await api.json(200, `/v1/bulks/${id}`)).toMatchObject({ wait_reason: "budget" });
    const pause = await api.json(200, "/v1/queues/held/pause", { json: { reason: "month end" } });
    expect(pause).toMatchObject({ paused: true, reason: "month end", set_by: "service:test" });
    expect(await api.json(200, `/v1/bulks/${id}`)).toMatchObject({
      wait_reason: "pause",
      wait_detail: "month end",
    });
    expect((await api.json(200, "/v1/queues/held")).flags[0]).toMatchObject({
      kind: "pause",
      reason: "month end",
    });
    await api.json(200, "/v1/queues/held/resume", { method: "POST" });
    expect(await api.json(200, "/v1/queues/held")).toMatchObject({ paused: false, flags: [] });
  });

  test("is watched by events: a change, and the end", async () => {
    const id = await submit(intentLines(2));
    const response = await api.send(`/v1/bulks/${id}/events`);
    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    await finishJobs(api.pool, id, [succeeded(1), succeeded(2)]);
    const text = await response.text();
    const events = text.split("\n\n").filter((event) => event.startsWith("event:"));
    expect(events.at(-1)).toMatch(/^event: done\n/);
    expect(JSON.parse(events.at(-1)?.split("data: ")[1] ?? "")).toMatchObject({ id, state: "finished" });
  });

  test("is canceled as a whole, once", async () => {
    const id = await submit(intentLines(3));
    await finishJobs(api.pool, id, [succeeded(1)]);
    expect(await api.json(200, `/v1/bulks/${id}/cancel`, { json: { reason: "wrong file" } })).toMatchObject({
      canceled: 2,
    });
    expect((await api.json(200, `/v1/bulks/${id}`)).counts.outcome).toEqual({ succeeded: 1, canceled: 2 });
    const [job] = (await api.json(200, `/v1/jobs?bulk=${id}&outcome=succeeded`)).jobs;
    expect((await api.json(409, `/v1/jobs/${job.id}/cancel`, { method: "POST" })).code).toBe("job_finished");
  });
});

describe("retry", () => {
  test("makes a new bulk of what did not succeed, with its lines, keys and origins", async () => {
    const lines = [
      { shared: { labels: ["a", "b"] } },
      ...[2, 3, 4, 5].map((n) => ({ key: `k${n}`, input: { text: `t${n}` } })),
    ];
    const id = await submit(lines, "&label=team:core");
    await finishJobs(api.pool, id, [
      succeeded(2),
      { line: 3, state: "failed" },
      { line: 4, state: "refused" },
      { line: 5, state: "expired" },
    ]);
    const again = await api.json(202, `/v1/bulks/${id}/retry`, { method: "POST" });
    expect(again).toMatchObject({ accepted: 2, invalid: 0 });
    expect(await api.json(200, `/v1/bulks/${again.id}`)).toMatchObject({
      retry_of: id,
      labels: { team: "core" },
      type: "classify-intent",
    });
    const { jobs } = await api.json(200, `/v1/jobs?bulk=${again.id}`);
    const origin = (await api.json(200, `/v1/jobs?bulk=${id}`)).jobs;
    expect(jobs.map((job: Json) => [job.line, job.key, job.retry_of])).toEqual([
      [3, "k3", origin[1].id],
      [5, "k5", origin[3].id],
    ]);
    const refused = await api.json(202, `/v1/bulks/${id}/retry?outcome=refused`, { method: "POST" });
    expect(refused.accepted).toBe(1);
    expect((await api.json(409, `/v1/bulks/${id}/retry?outcome=truncated`, { method: "POST" })).code).toBe(
      "conflict",
    );
  });

  test("under an Idempotency-Key happens once", async () => {
    const id = await submit(intentLines(1));
    await finishJobs(api.pool, id, [{ line: 1, state: "failed" }]);
    const request = { method: "POST", headers: { "idempotency-key": "retry-1" } };
    const first = await api.json(202, `/v1/bulks/${id}/retry`, request);
    expect(await api.json(202, `/v1/bulks/${id}/retry`, request)).toEqual(first);
  });
});

describe("deleting a bulk", () => {
  test("takes what was sent and answered; outcomes and the ledger stay", async () => {
    const lines = [
      { shared: { labels: ["secret_a", "secret_b"] } },
      { key: "secret-key", input: { text: "secret text" }, labels: { who: "secret" } },
      { input: {} },
    ];
    const id = await submit(lines, "&on_invalid=skip&label=project:secret");
    await finishJobs(api.pool, id, [{ ...succeeded(2), output: { label: "secret_a" } }]);
    expect((await api.send(`/v1/bulks/${id}`, { method: "DELETE" })).status).toBe(204);
    expect((await api.send(`/v1/bulks/${id}`, { method: "DELETE" })).status).toBe(204);
    const bulk = await api.json(200, `/v1/bulks/${id}`);
    expect(bulk).toMatchObject({
      state: "deleted",
      labels: {},
      counts: { outcome: { succeeded: 1 } },
      cost_usd: "0.000001",
    });
    const [job] = (await api.json(200, `/v1/jobs?bulk=${id}`)).jobs;
    expect(await api.json(200, `/v1/jobs/${job.id}`)).toMatchObject({
      key: null,
      labels: {},
      output: null,
      outcome: "succeeded",
    });
    for (const gone of ["results", "errors"]) {
      const problem = await api.json(404, `/v1/bulks/${id}/${gone}`);
      expect(problem.detail).toMatch(/^It was deleted at /);
    }
    for (const table of [
      "bulks",
      "jobs",
      "job_inputs",
      "job_results",
      "bulk_errors",
      "attempts",
      "idempotency_keys",
      "audit_events",
    ]) {
      const { rows } = await api.pool.query(
        `SELECT count(*) AS found FROM ${table} t WHERE row_to_json(t)::text LIKE '%secret%'`,
      );
      expect(Number(rows[0].found), table).toBe(0);
    }
    const { rows } = await api.pool.query("SELECT amount_nano FROM ledger WHERE bulk_id = $1", [id]);
    expect(rows.map((row) => row.amount_nano)).toEqual([1_000n]);
  });

  test("waits for open jobs and for attempts whose cost is not known", async () => {
    const id = await submit(intentLines(1));
    const open = await api.json(409, `/v1/bulks/${id}`, { method: "DELETE" });
    expect(open).toMatchObject({ code: "bulk_not_finished", hint: expect.stringContaining("Cancel") });
    const [job] = (await api.json(200, `/v1/jobs?bulk=${id}`)).jobs;
    await openAttempt(api.pool, job.id);
    await finishJobs(api.pool, id, [succeeded(1)]);
    const unpaid = await api.json(409, `/v1/bulks/${id}`, { method: "DELETE" });
    expect(unpaid.detail).toContain("attempts");
    expect(await results(id)).toHaveLength(1);
    const { attempts } = await api.json(200, `/v1/jobs/${job.id}`);
    expect(attempts).toEqual([
      expect.objectContaining({ no: 1, state: "open", worst_usd: "0.000005", cost_usd: null }),
    ]);
  });
});
