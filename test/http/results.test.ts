// The results of a bulk as a stream: in either order, in pages, followed to the end.
import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { resultSchema } from "../../src/http/schemas.ts";
import { waitFor } from "../support/wait.ts";
import { intentLines, linesOf, startApi, upload, type Json, type TestApi } from "./api.ts";
import { finishJobs, type Ending } from "./jobs-done.ts";

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

describe("results", () => {
  test("carry everything, by line or by finish; what has no outcome is left out", async () => {
    const id = await submit(intentLines(4).map((line, index) => ({ ...line, key: `k${index + 1}` })));
    await finishJobs(api.pool, id, [
      { line: 3, state: "failed" },
      succeeded(1),
      { line: 2, state: "invalid_output", reason: "label: not one of the labels" },
    ]);
    const byLine = await results(id);
    expect(byLine.map(({ line }) => line)).toEqual([1, 2, 3]);
    for (const row of byLine) resultSchema.parse(row);
    expect(byLine[0]).toEqual({
      line: 1,
      key: "k1",
      job_id: expect.any(String),
      outcome: "succeeded",
      output: { label: "refund" },
      confidence: 0.75,
      abstained: null,
      decided_by: "model",
      reason: null,
      failure: null,
      cost_usd: "0.000001",
      attempts: 1,
    });
    expect(byLine[1]).toMatchObject({
      outcome: "invalid_output",
      output: null,
      reason: "label: not one of the labels",
    });
    expect(byLine[2].failure).toEqual({ code: "provider_error", fault: "provider", reason: null });
    expect((await results(id, "?order=finished")).map(({ line }) => line)).toEqual([3, 1, 2]);
    expect((await results(id, "?outcome=invalid_output,failed")).map(({ line }) => line)).toEqual([2, 3]);
    expect(
      (await results(id, "?outcome=failed&outcome=succeeded&order=finished")).map(({ line }) => line),
    ).toEqual([3, 1]);
    expect((await api.send(`/v1/bulks/${id}/results?outcome=queued`)).status).toBe(400);
  });

  test("come in pages that nobody sees, gzipped on request", async () => {
    const id = await submit(intentLines(1_300));
    await api.pool.query(
      "UPDATE jobs SET state = 'canceled', finished_at = now(), finish_seq = nextval('job_finish_seq') WHERE bulk_id = $1",
      [id],
    );
    const plain = await api.send(`/v1/bulks/${id}/results`, { headers: { "accept-encoding": "identity" } });
    const zipped = await api.send(`/v1/bulks/${id}/results?order=finished`, {
      headers: { "accept-encoding": "gzip" },
    });
    expect([plain.headers.get("content-encoding"), zipped.headers.get("content-encoding")]).toEqual([
      null,
      "gzip",
    ]);
    expect(linesOf(await plain.text())).toHaveLength(1_300);
    expect(new Set(linesOf(await zipped.text()).map(({ line }) => line)).size).toBe(1_300);
  });

  test("are followed until the last, each once, also one whose number shows up late", async () => {
    const id = await submit(intentLines(4));
    const following = api.send(`/v1/bulks/${id}/results?follow=true`);
    await finishJobs(api.pool, id, [succeeded(2)]);
    // Line 1 takes its number before line 3 does, and commits after it.
    const late = await api.pool.connect();
    await late.query("BEGIN");
    await late.query(
      "UPDATE jobs SET state = 'canceled', finished_at = now(), finish_seq = nextval('job_finish_seq') WHERE bulk_id = $1 AND line = 1",
      [id],
    );
    await finishJobs(api.pool, id, [succeeded(3)]);
    const response = await following;
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    const read = async () => {
      const piece = await reader?.read();
      text += piece?.value ?? "";
      return piece?.done;
    };
    while (linesOf(text.slice(0, text.lastIndexOf("\n") + 1)).length < 2) await read();
    await late.query("COMMIT");
    late.release();
    await finishJobs(api.pool, id, [succeeded(4)]);
    while ((await read()) !== true);
    const lines = linesOf(text).map(({ line }) => line);
    expect(lines.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4]);
    expect(lines.slice(0, 2)).toEqual([2, 3]);
  });

  test("a follower who leaves frees its place at once", async () => {
    const id = await submit(intentLines(1));
    const request = httpRequest(`${api.origin}/v1/bulks/${id}/results?follow=1`, {
      headers: { authorization: `Bearer ${api.keys.one}` },
    });
    request.on("error", () => undefined);
    const status = await new Promise((resolve) => {
      request.on("response", ({ statusCode }) => resolve(statusCode));
      request.end();
    });
    expect(status).toBe(200);
    request.destroy();
    // The looking ends with the caller: no statement of it runs any more.
    await waitFor("the last look", async () => {
      const { rows } = await api.pool.query(
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%job_tallies%' AND state_change > now() - interval '1.5 seconds' AND pid <> pg_backend_pid()",
      );
      return rows.length === 0;
    });
  });

  test("follow has one order", async () => {
    const id = await submit(intentLines(1));
    const problem = await api.json(400, `/v1/bulks/${id}/results?follow=true&order=line`);
    expect(problem.errors[0].field).toBe("?order");
  });
});
