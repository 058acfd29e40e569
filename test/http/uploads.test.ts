// Bulks as they come in: what is accepted in which form, and what is there afterwards.
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { waitFor } from "../support/wait.ts";
import {
  intentLabels,
  intentLine,
  intentLines,
  ndjson,
  rawUpload,
  startApi,
  upload,
  type Json,
  type TestApi,
} from "./api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const path = "/v1/bulks?type=classify-intent";
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
    const lines = [
      { shared: { labels: intentLabels } },
      { input: { text: "one" } },
      { input: { text: "two" } },
    ];
    const streamed = await api.json(202, path, upload(lines));
    const listed = await api.json(202, path, {
      json: { shared: { labels: intentLabels }, jobs: lines.slice(1) },
    });
    expect([streamed.accepted, listed.accepted]).toEqual([2, 2]);
    const { rows } = await api.pool.query("SELECT shared FROM bulks WHERE id = ANY ($1)", [
      [streamed.id, listed.id],
    ]);
    expect(rows.map((row) => JSON.parse(row.shared))).toEqual([
      { labels: intentLabels },
      { labels: intentLabels },
    ]);
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
