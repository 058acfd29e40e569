// Bulks as they come in: what is accepted, what is refused and how, and what is there afterwards.
import { request as httpRequest } from "node:http";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { waitFor } from "../support/wait.ts";
import {
  intentLabels,
  intentLine,
  intentLines,
  linesOf,
  ndjson,
  rawUpload,
  startApi,
  upload,
  type Json,
  type TestApi,
} from "./api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startApi({
    SLUICE_UPLOAD_LINES_MAX: "6000",
    SLUICE_UPLOAD_BYTES_MAX: "3_000_000",
    SLUICE_LINE_BYTES_MAX: "20000",
  });
});
afterAll(() => api.close());

const path = "/v1/bulks?type=classify-intent";
const count = async (table: string): Promise<number> =>
  Number((await api.pool.query(`SELECT count(*) FROM ${table}`)).rows[0].count);
/** Runs an act that must leave nothing behind. */
const keepsNothing = async (act: () => Promise<unknown>): Promise<void> => {
  const before = [await count("bulks"), await count("jobs"), await count("job_inputs")];
  await act();
  expect([await count("bulks"), await count("jobs"), await count("job_inputs")]).toEqual(before);
};

describe("what is accepted", () => {
  test("every line becomes a job with its input, key and number, whatever the line ends with", async () => {
    const lines = [
      `\ufeff${JSON.stringify(intentLine("first", { key: "a" }))}\r\n`,
      "\n",
      `  ${JSON.stringify(intentLine("third", { labels: { team: "x" } }))}\n`,
      "   \t\r\n",
      JSON.stringify(intentLine("fifth")),
    ].join("");
    const bulk = await api.json(202, `${path}&label=feature:search`, rawUpload(lines));
    expect(bulk).toMatchObject({ accepted: 3, invalid: 0, errors: [] });
    const { jobs } = await api.json(200, `/v1/jobs?bulk=${bulk.id}`);
    expect(jobs.map((job: Json) => [job.line, job.key, job.labels])).toEqual([
      [1, "a", { feature: "search" }],
      [3, null, { feature: "search", team: "x" }],
      [5, null, { feature: "search" }],
    ]);
    const { rows } = await api.pool.query(
      "SELECT input::json ->> 'text' AS text FROM job_inputs i JOIN jobs j ON j.id = i.job_id WHERE bulk_id = $1 ORDER BY line",
      [bulk.id],
    );
    expect(rows.map((row) => row.text)).toEqual(["first", "third", "fifth"]);
  });

  test("what all lines share stands once, on the first line or beside jobs", async () => {
    const lines = [{ shared: { labels: intentLabels } }, { input: { text: "one" } }, { input: { text: "two" } }];
    const streamed = await api.json(202, path, upload(lines));
    const listed = await api.json(202, path, {
      json: { shared: { labels: intentLabels }, jobs: lines.slice(1) },
    });
    expect([streamed.accepted, listed.accepted]).toEqual([2, 2]);
    const { rows } = await api.pool.query("SELECT shared FROM bulks WHERE id = ANY ($1)", [[streamed.id, listed.id]]);
    expect(rows.map((row) => JSON.parse(row.shared))).toEqual([{ labels: intentLabels }, { labels: intentLabels }]);
  });

  test("shared input that does not fit refuses the upload, also with skip", async () => {
    const lines = [{ shared: { labels: ["just one"] } }, { input: { text: "x" } }];
    const problem = await api.json(400, `${path}&on_invalid=skip`, upload(lines));
    expect(problem.errors[0]).toMatchObject({ line: 1, field: "shared.labels" });
    const late = await api.json(202, `${path}&on_invalid=skip`, upload([intentLine("x"), { shared: {} }]));
    expect(late.errors).toEqual([{ line: 2, field: "shared", reason: "may only be the first line" }]);
  });

  test("gzip is read as a stream", async () => {
    const body = gzipSync(ndjson(intentLines(4_000)));
    const bulk = await api.json(202, path, rawUpload(body, { "content-encoding": "gzip" }));
    expect(bulk.accepted).toBe(4_000);
    expect((await api.json(200, `/v1/bulks/${bulk.id}`)).counts).toEqual({
      state: { queued: 4_000 },
      outcome: {},
      lane: { batch: 4_000 },
    });
  });

  test("several chunks and a slow caller make one bulk, with its word to the lanes sent at the commit", async () => {
    const listener = await api.pool.connect();
    const heard: string[] = [];
    listener.on("notification", ({ payload }) => heard.push(payload ?? ""));
    await listener.query("LISTEN sluice_work");
    const pieces = ndjson(intentLines(5_000)).match(/[\s\S]{1,100000}/g) ?? [];
    const slow = new ReadableStream({
      async pull(controller) {
        const piece = pieces.shift();
        if (piece === undefined) controller.close();
        else controller.enqueue(new TextEncoder().encode(piece));
        await new Promise((resolve) => setTimeout(resolve, 5));
      },
    });
    const bulk = await api.json(202, path, rawUpload(slow));
    expect(bulk.accepted).toBe(5_000);
    const { rows } = await api.pool.query("SELECT queue_id, accepted FROM bulks WHERE id = $1", [bulk.id]);
    expect(rows[0].accepted).toBe(5_000);
    await waitFor("the notification", () => heard.includes(rows[0].queue_id));
    await listener.query("UNLISTEN *");
    listener.release(true);
  });
});

describe("what is refused", () => {
  const mixed = [
    intentLine("good", { key: "k" }),
    { inpt: {} },
    { input: { text: "no labels" } },
    intentLine("bad", { urgency: "soon", priority: 10 }),
    intentLine("same key", { key: "k" }),
    intentLine("good too"),
    { input: { text: "x".repeat(30_000), labels: intentLabels } },
  ];

  test("reject: nothing is accepted, and every line says where and why", async () => {
    await keepsNothing(async () => {
      const problem = await api.json(422, path, upload(mixed));
      expect(problem).toMatchObject({ code: "invalid_lines", accepted: 0, invalid: 5 });
      expect(problem.errors).toEqual([
        { line: 2, field: "input", reason: "is required" },
        { line: 2, field: "inpt", reason: "is not a known field; did you mean input?" },
        { line: 3, field: "input.labels", reason: "is required" },
        { line: 4, field: "urgency", reason: "must be one of now, whenever" },
        { line: 4, field: "priority", reason: "must be at most 9" },
        { line: 5, field: "key", reason: "is used by an earlier line of this upload" },
        { line: 7, field: "", reason: "is longer than 20000 bytes (SLUICE_LINE_BYTES_MAX)" },
      ]);
    });
  });

  test("skip: the good lines are accepted, the others are answered and kept", async () => {
    const bulk = await api.json(202, `${path}&on_invalid=skip`, upload(mixed));
    expect(bulk).toMatchObject({ accepted: 2, invalid: 5 });
    const kept = linesOf(await (await api.send(`/v1/bulks/${bulk.id}/errors`)).text());
    expect(kept).toEqual(bulk.errors);
    const { jobs } = await api.json(200, `/v1/jobs?bulk=${bulk.id}`);
    expect(jobs.map((job: Json) => job.line)).toEqual([1, 6]);
    expect((await api.json(200, `/v1/bulks/${bulk.id}`)).progress).toEqual({ done: 0, total: 2, percent: 0 });
  });

  test("skip: 1,000 errors inline, the rest by link, all counted", async () => {
    const lines = [intentLine("good"), ...Array.from({ length: 3_000 }, () => ({ input: {} }))];
    const bulk = await api.json(202, `${path}&on_invalid=skip`, upload(lines));
    expect(bulk).toMatchObject({ accepted: 1, invalid: 3_000 });
    expect(bulk.errors).toHaveLength(1_000);
    const kept = linesOf(await (await fetch(bulk.links.errors, { headers: { authorization: `Bearer ${api.keys.one}` } })).text());
    expect(new Set(kept.map(({ line }) => line)).size).toBe(3_000);
  });

  test("skip with no good line is refused like reject", async () => {
    await keepsNothing(async () => {
      const problem = await api.json(422, `${path}&on_invalid=skip`, upload([{ input: {} }, 7, [], null]));
      expect(problem).toMatchObject({ code: "invalid_lines", invalid: 4 });
    });
  });

  test("keys are unique over chunks, too", async () => {
    const lines = intentLines(5_000).map((line, index) => ({ ...line, key: `k${index}` }));
    lines.push({ ...intentLine("again"), key: "k0" });
    const problem = await api.json(422, path, upload(lines));
    expect(problem.errors).toEqual([{ line: 5_001, field: "key", reason: "is used by an earlier line of this upload" }]);
  });

  test("a price that is not known and work without a bound are refused by name", async () => {
    const message = (more: object) => ({
      input: { model: "claude-haiku-5-5", max_tokens: 10, messages: [{ role: "user", content: "hi" }], ...more },
    });
    const lines = [message({ model: "gpt-4" }), message({ container: "x" }), message({})];
    const bulk = await api.json(202, "/v1/bulks?type=message&on_invalid=skip", upload(lines));
    expect(bulk.accepted).toBe(1);
    expect(bulk.errors[0]).toMatchObject({ line: 1, reason: expect.stringContaining("price_unknown") });
    expect(bulk.errors.filter(({ line }: Json) => line === 2)).not.toEqual([]);
    const image = [{ type: "image", source: { type: "url", url: "https://example.com/a.png" } }];
    const unbounded = await api.json(422, "/v1/jobs", {
      json: { type: "message", ...message({ messages: [{ role: "user", content: image }] }) },
    });
    expect(unbounded.code).toBe("unbounded_cost");
    const unknown = await api.json(422, "/v1/jobs", { json: { type: "message", ...message({ model: "gpt-4" }) } });
    expect(unknown).toMatchObject({ code: "price_unknown", errors: [{ field: "input.model" }] });
  });

  test.each([
    ["too many lines", rawUpload("\n".repeat(6_001)), 413, "too_many_lines", "6000 lines"],
    ["too many bytes announced", upload(intentLines(40_000)), 413, "upload_too_large", "3000000 bytes"],
    [
      "too many bytes once unpacked",
      rawUpload(gzipSync(Buffer.alloc(50_000_000, 32)), { "content-encoding": "gzip" }),
      413,
      "upload_too_large",
      "3000000 bytes",
    ],
    ["no lines", rawUpload("\n\n"), 400, "empty_upload", undefined],
    ["an empty body", rawUpload(""), 400, "empty_upload", undefined],
    ["an empty list", { json: { jobs: [] } }, 400, "empty_upload", undefined],
    ["JSON without jobs", { json: { job: [] } }, 400, "invalid_input", undefined],
    ["broken JSON", rawUpload("{", { "content-type": "application/json" }), 400, "invalid_json", undefined],
    ["another encoding", rawUpload("x", { "content-encoding": "br" }), 415, "unsupported_encoding", undefined],
    ["what is no gzip", rawUpload("plain", { "content-encoding": "gzip" }), 415, "unsupported_encoding", undefined],
    [
      "half a gzip",
      rawUpload(gzipSync(ndjson(intentLines(100))).subarray(0, 200), { "content-encoding": "gzip" }),
      400,
      "upload_incomplete",
      undefined,
    ],
    ["another type", rawUpload("x", { "content-type": "text/csv" }), 415, "unsupported_media_type", undefined],
  ] as const)("%s", async (_what, request, status, code, detail) => {
    await keepsNothing(async () => {
      const problem = await api.json(status, path, request);
      expect(problem.code).toBe(code);
      if (detail !== undefined) expect(problem.detail).toContain(detail);
    });
  });

  test.each([
    ["?type=classify-intents", 404, "type_not_found"],
    ["?type=classify-intent&queue=nowhere", 404, "queue_not_found"],
    ["?type=classify-intent&on_invalid=maybe", 400, "invalid_query"],
    ["?type=classify-intent&urgency=now&urgency=whenever", 400, "invalid_query"],
    ["?type=classify-intent&deadline=tomorrow", 400, "invalid_query"],
    ["?type=classify-intent&priority=11", 400, "invalid_query"],
    ["?type=classify-intent&label=nocolon", 400, "invalid_query"],
    ["?typ=classify-intent", 400, "invalid_query"],
  ])("%s", async (query, status, code) => {
    const problem = await api.json(status, `/v1/bulks${query}`, upload(intentLines(1)));
    expect(problem).toMatchObject({ code, status, hint: expect.any(String), request_id: expect.any(String) });
    if (code === "type_not_found") expect(problem.detail).toContain("classify-intent");
    if (query.startsWith("?typ=")) expect(problem.errors[0].reason).toContain("did you mean type");
  });

  test("a type that nobody named is the queue's, and there is a word for none", async () => {
    await api.json(202, "/v1/bulks", upload(intentLines(1)));
    await api.json(201, "/v1/queues/bare", { method: "PUT", json: {} });
    const problem = await api.json(404, "/v1/bulks?queue=bare", upload(intentLines(1)));
    expect(problem).toMatchObject({ code: "type_not_found", detail: expect.stringContaining("bare") });
  });
});

describe("a caller who leaves half way", () => {
  test.each(["in the first chunk", "after chunks were written"])("leaves nothing: %s", async (when) => {
    const lines = ndjson(intentLines(when === "in the first chunk" ? 10 : 5_000));
    await keepsNothing(async () => {
      const left = new Promise<void>((resolve) => {
        const request = httpRequest(`${api.origin}${path}`, {
          method: "POST",
          headers: { authorization: `Bearer ${api.keys.one}`, "content-type": "application/x-ndjson" },
        });
        request.on("error", () => resolve());
        request.write(lines, () => setTimeout(() => request.destroy(new Error("gone")), 150));
      });
      await left;
      await waitFor("the transaction to end", async () => {
        const { rows } = await api.pool.query(
          "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'",
        );
        return rows.length === 0;
      });
    });
  });
});

describe("Idempotency-Key", () => {
  const keyed = (key: string, lines: readonly unknown[] = intentLines(3)) => upload(lines, { "idempotency-key": key });

  test("same body: the same answer, and one bulk", async () => {
    const before = await count("bulks");
    const first = await api.send(path, keyed("same"));
    const again = await api.send(path, keyed('"same"'));
    expect([first.status, again.status]).toEqual([202, 202]);
    expect([first.headers.get("idempotency-replayed"), again.headers.get("idempotency-replayed")]).toEqual([null, "true"]);
    expect(await again.text()).toBe(await first.text());
    expect(await count("bulks")).toBe(before + 1);
  });

  test("gzip of the same lines is the same request", async () => {
    const first = await api.json(202, path, keyed("zipped"));
    const zipped = rawUpload(gzipSync(ndjson(intentLines(3))), { "content-encoding": "gzip", "idempotency-key": "zipped" });
    expect(await api.json(202, path, zipped)).toEqual(first);
  });

  test.each([
    ["another body", path, intentLines(2)],
    ["another query", `${path}&urgency=now`, intentLines(3)],
  ])("%s: 422", async (what, otherPath, lines) => {
    await api.json(202, path, keyed(what));
    const problem = await api.json(422, otherPath, keyed(what, lines));
    expect(problem.code).toBe("idempotency_mismatch");
  });

  test("another tenant's same key is another key", async () => {
    const mine = await api.json(202, path, keyed("common"));
    const theirs = await api.json(202, path, { ...keyed("common"), key: api.keys.two });
    expect(theirs.id).not.toBe(mine.id);
  });

  test("still running: 409 with Retry-After; then the same answer", async () => {
    let finish: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (finish = resolve));
    const body = new ReadableStream({
      async start(controller) {
        controller.enqueue(new TextEncoder().encode(ndjson(intentLines(1))));
        await held;
        controller.close();
      },
    });
    const first = api.json(202, path, rawUpload(body, { "idempotency-key": "slow" }));
    await waitFor("the claim", async () => {
      const { rows } = await api.pool.query("SELECT 1 FROM idempotency_keys WHERE key = 'slow'");
      return rows.length === 1;
    });
    const second = await api.send(path, keyed("slow", intentLines(1)));
    expect([second.status, second.headers.get("retry-after")]).toEqual([409, "2"]);
    expect((await second.json()).code).toBe("idempotency_in_progress");
    finish();
    const { id } = await first;
    expect((await api.json(202, path, keyed("slow", intentLines(1)))).id).toBe(id);
  });

  test("a refusal of the content is kept, one of the moment is not", async () => {
    const bad = keyed("bad", [{ input: {} }]);
    const first = await api.json(422, path, bad);
    const again = await api.send(path, bad);
    expect([again.status, again.headers.get("content-type")]).toEqual([422, "application/problem+json; charset=utf-8"]);
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect(await again.json()).toEqual(first);
    await api.json(404, `${path}&queue=later`, keyed("moment"));
    await api.json(201, "/v1/queues/later", { method: "PUT", json: {} });
    await api.json(202, `${path}&queue=later`, keyed("moment"));
  });

  test("what a dead process left is taken over, what a living one runs is not", async () => {
    const leave = async (key: string, leaseUntil: string) => {
      await api.pool.query(
        "INSERT INTO processes (id, host, pid, roles, lease_until) VALUES ($1, 'h', 1, '{api}', now() + $2::interval)",
        [`p-${key}`, leaseUntil],
      );
      await api.pool.query(
        "INSERT INTO idempotency_keys (tenant_id, key, route, process_id, expires_at) VALUES ($1, $2, 'r', $3, now() + interval '1 day')",
        [api.tenants.one, key, `p-${key}`],
      );
    };
    await leave("dead", "-1 second");
    await leave("alive", "1 hour");
    await api.json(202, path, keyed("dead"));
    await api.json(409, path, keyed("alive"));
  });

  test("is over after its time", async () => {
    const first = await api.json(202, path, keyed("old"));
    await api.pool.query("UPDATE idempotency_keys SET expires_at = now() WHERE key = 'old'");
    expect((await api.json(202, path, keyed("old", intentLines(2)))).id).not.toBe(first.id);
  });

  test("works for single jobs and retries; what is no key is refused", async () => {
    const json = { type: "classify-intent", input: intentLine("one").input };
    const job = { json, headers: { "idempotency-key": "single" } };
    expect(await api.json(202, "/v1/jobs", job)).toEqual(await api.json(202, "/v1/jobs", job));
    const problem = await api.json(400, "/v1/jobs", { json, headers: { "idempotency-key": "x".repeat(256) } });
    expect(problem).toMatchObject({ code: "invalid_header", errors: [{ field: "Idempotency-Key" }] });
  });
});
