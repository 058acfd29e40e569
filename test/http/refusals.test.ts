// Bulks that cannot be taken as they are: every refusal names line, field and reason, and nothing is half-accepted.
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
    const kept = linesOf(
      await (await fetch(bulk.links.errors, { headers: { authorization: `Bearer ${api.keys.one}` } })).text(),
    );
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
    expect(problem.errors).toEqual([
      { line: 5_001, field: "key", reason: "is used by an earlier line of this upload" },
    ]);
  });

  test("a price that is not known and work without a bound are refused by name", async () => {
    const message = (more: object) => ({
      input: {
        model: "claude-haiku-5-5",
        max_tokens: 10,
        messages: [{ role: "user", content: "hi" }],
        ...more,
      },
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
    const unknown = await api.json(422, "/v1/jobs", {
      json: { type: "message", ...message({ model: "gpt-4" }) },
    });
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
    [
      "another encoding",
      rawUpload("x", { "content-encoding": "br" }),
      415,
      "unsupported_encoding",
      undefined,
    ],
    [
      "what is no gzip",
      rawUpload("plain", { "content-encoding": "gzip" }),
      415,
      "unsupported_encoding",
      undefined,
    ],
    [
      "half a gzip",
      rawUpload(gzipSync(ndjson(intentLines(100))).subarray(0, 200), { "content-encoding": "gzip" }),
      400,
      "upload_incomplete",
      undefined,
    ],
    [
      "another type",
      rawUpload("x", { "content-type": "text/csv" }),
      415,
      "unsupported_media_type",
      undefined,
    ],
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
