// Caps at intake: what a line carries beyond one is refused by line, field, cap and value, in both ways of dealing with invalid lines;
// what all lines together carry refuses the whole; and nobody makes a cap larger.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { webJobsDir } from "../support/web-jobs.ts";
import { intentLines, ndjson, startApi, upload, type Json, type TestApi } from "./api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startApi({ SLUICE_JOBS_DIR: webJobsDir, SLUICE_ATTEMPTS_MAX: "3" });
});
afterAll(() => api.close());

const message = (more: object = {}) => ({
  model: "claude-haiku-5-5",
  max_tokens: 100,
  messages: [{ role: "user", content: "Good day" }],
  ...more,
});
const round = (id: string) => [
  { role: "assistant", content: [{ type: "tool_use", id, name: "look", input: {} }] },
  { role: "user", content: [{ type: "tool_result", tool_use_id: id, content: "seen" }] },
];
const twoRounds = message({
  messages: [{ role: "user", content: "Look" }, ...round("t1"), ...round("t2")],
  tools: [{ name: "look", input_schema: { type: "object" } }],
});

/** A cap, an input that keeps it, one that breaks it, and what the refusal says. */
const rows: [cap: string, type: string, good: object, bad: object, field: string, reason: RegExp][] = [
  [
    "max_tokens_max:100",
    "message",
    message(),
    message({ max_tokens: 101 }),
    "input.max_tokens",
    /101 output tokens.*max_tokens_max is 100 \(cap_exceeded\)/,
  ],
  [
    "input_bytes_max:300",
    "message",
    message(),
    message({ system: "x".repeat(300) }),
    "input",
    /request of 4\d\d bytes.*input_bytes_max is 300/,
  ],
  [
    "total_tokens_max:2000",
    "message",
    message(),
    message({ max_tokens: 1_950 }),
    "input",
    /may take \d{4} tokens.*total_tokens_max is 2000/,
  ],
  [
    "tool_rounds_max:1",
    "message",
    message(),
    twoRounds,
    "input.messages",
    /2 turns with tool calls.*tool_rounds_max is 1/,
  ],
  [
    "server_tool_uses_max:2",
    "web-answer",
    { question: "Who?", uses: 2 },
    { question: "Who?", uses: 3 },
    "input.tools",
    /3 uses of server tools.*server_tool_uses_max is 2/,
  ],
];

describe.each(rows)("%s", (cap, type, good, bad, field, reason) => {
  const body = upload([{ input: good }, { input: bad }, { input: good }]);
  const path = (onInvalid: string): string => `/v1/bulks?type=${type}&cap=${cap}&on_invalid=${onInvalid}`;
  const error = { line: 2, field, reason: expect.stringMatching(reason) as string };

  test("reject: nothing is accepted, and the line is named", async () => {
    const before = await api.pool.query("SELECT count(*) FROM bulks");
    const problem = await api.json(422, path("reject"), body);
    expect(problem).toMatchObject({ code: "invalid_lines", errors: [error] });
    expect((await api.pool.query("SELECT count(*) FROM bulks")).rows).toEqual(before.rows);
  });

  test("skip: the others are accepted, under the cap", async () => {
    const bulk = await api.json(202, path("skip"), body);
    expect(bulk).toMatchObject({ accepted: 2, invalid: 1, errors: [error] });
    const [name = "", value] = cap.split(":");
    expect((await api.json(200, `/v1/bulks/${bulk.id}`)).caps).toMatchObject({ [name]: Number(value) });
  });

  test("a single job: 422 with a code of its own", async () => {
    const [name = "", value] = cap.split(":");
    const job = (input: object) => ({ json: { type, input, caps: { [name]: Number(value) } } });
    const problem = await api.json(422, "/v1/jobs", job(bad));
    expect(problem).toMatchObject({ code: "cap_exceeded", errors: [{ field }] });
    await api.json(202, "/v1/jobs", job(good));
  });

  test("a quote refuses it too", async () => {
    expect(await api.json(422, `${path("reject")}&quote=true`, body)).toMatchObject({
      code: "invalid_lines",
    });
  });
});

describe("caps of a bulk as a whole", () => {
  const first = async (): Promise<Json> =>
    (
      await api.pool.query(
        "SELECT sum(request_bytes)::int AS bytes, sum(input_tokens_max + output_tokens_max)::int AS tokens FROM jobs WHERE bulk_id = $1",
        [(await api.json(202, "/v1/bulks?type=classify-intent", upload(intentLines(5)))).id],
      )
    ).rows[0];
  const send = (status: number, cap: string, more = ""): Promise<Json> =>
    api.json(status, `/v1/bulks?type=classify-intent&cap=${cap}${more}`, upload(intentLines(5)));

  test("refuse the whole where one attempt of every line breaks them, whatever is done with invalid lines", async () => {
    const { bytes, tokens } = await first();
    const exact = [`bulk_attempts_max:5`, `bulk_input_bytes_max:${bytes}`, `bulk_total_tokens_max:${tokens}`];
    const below = [
      `bulk_attempts_max:4`,
      `bulk_input_bytes_max:${bytes - 1}`,
      `bulk_total_tokens_max:${tokens - 1}`,
    ];
    for (const cap of below) {
      const [name = "", value] = cap.split(":");
      for (const how of ["reject", "skip"]) {
        const problem = await send(422, cap, `&on_invalid=${how}`);
        expect(problem).toMatchObject({ code: "cap_exceeded", errors: [{ field: `caps.${name}` }] });
        expect(problem.detail).toContain(`${name} is ${value}.`);
      }
      expect(await send(422, cap, "&quote=true")).toMatchObject({ code: "cap_exceeded" });
    }
    const bulk = await send(202, exact.join("&cap="));
    expect(await api.json(200, `/v1/bulks/${bulk.id}`)).toMatchObject({
      caps: { bulk_attempts_max: 5, bulk_input_bytes_max: bytes, bulk_total_tokens_max: tokens },
      caps_left: { attempts: 0, total_tokens: 0 },
    });
    const roomy = await send(202, "bulk_attempts_max:7");
    expect((await api.json(200, `/v1/bulks/${roomy.id}`)).caps_left).toEqual({
      attempts: 2,
      total_tokens: null,
    });
  });

  test("are found in the middle of a large upload, and nothing of it is kept", async () => {
    const before = await api.pool.query("SELECT count(*) FROM jobs");
    const lines = intentLines(6_000);
    expect(
      await api.json(422, "/v1/bulks?type=classify-intent&cap=bulk_attempts_max:5999", upload(lines)),
    ).toMatchObject({ code: "cap_exceeded" });
    expect((await api.pool.query("SELECT count(*) FROM jobs")).rows).toEqual(before.rows);
  });
});

describe("a submission makes caps smaller and never larger", () => {
  test.each([
    [
      "a type's own cap",
      "web-answer",
      { question: "Who?" },
      "server_tool_uses_max:4",
      "must be at most 3 here",
    ],
    [
      "a type's continuations",
      "web-answer",
      { question: "Who?" },
      "continuations_max:5",
      "must be at most 4 here",
    ],
    [
      "the continuations of a type that says nothing",
      "message",
      message(),
      "continuations_max:4",
      "must be at most 3 here",
    ],
    ["the installation's attempts", "message", message(), "attempts_max:4", "must be at most 3 here"],
    ["no attempts at all", "message", message(), "attempts_max:0", "must be at least 1"],
  ])("%s", async (_what, type, input, cap, reason) => {
    const problem = await api.json(400, `/v1/bulks?type=${type}&cap=${cap}`, upload([{ input }]));
    expect(problem).toMatchObject({
      code: "invalid_input",
      errors: [{ field: `caps.${cap.split(":")[0]}`, reason }],
    });
  });

  test("attempts_max is the number of every job", async () => {
    const { id } = await api.json(
      202,
      "/v1/bulks?type=message&cap=attempts_max:2",
      upload([{ input: message() }]),
    );
    const { jobs } = await api.json(200, `/v1/jobs?bulk=${id}`);
    expect(await api.json(200, `/v1/jobs/${jobs[0].id}`)).toMatchObject({
      attempts_max: 2,
      continuations: 0,
    });
  });

  test("the smallest of several counts, names and numbers are checked", async () => {
    const { id } = await api.json(
      202,
      "/v1/bulks?type=message&cap=attempts_max:2&cap=attempts_max:1",
      upload([{ input: message() }]),
    );
    expect((await api.json(200, `/v1/bulks/${id}`)).caps).toMatchObject({
      attempts_max: 1,
      continuations_max: 3,
    });
    for (const cap of ["nonsense:1", "attempts_max:x", "attempts_max", "attempts_max:1:2", "attempts_max:-1"])
      expect(
        await api.json(400, `/v1/bulks?type=message&cap=${cap}`, upload([{ input: message() }])),
      ).toMatchObject({ code: "invalid_query" });
    expect(
      await api.json(400, "/v1/jobs", { json: { type: "message", input: message(), caps: { nonsense: 1 } } }),
    ).toMatchObject({ code: "invalid_input" });
  });

  test("a type shows its caps; a quote is for the caps it was asked with; a retry keeps those it had", async () => {
    expect((await api.json(200, "/v1/types/web-answer")).caps).toMatchObject({
      server_tool_uses_max: 3,
      continuations_max: 4,
      // The type says 5, the installation 3.
      attempts_max: 3,
    });
    const body = upload([{ input: message() }]);
    const quoted = await api.json(200, "/v1/bulks?type=message&cap=attempts_max:2&quote=true", body);
    expect(await api.json(422, `/v1/bulks?type=message&quote_id=${quoted.id}`, body)).toMatchObject({
      code: "quote_mismatch",
    });
    const { id } = await api.json(
      202,
      `/v1/bulks?type=message&cap=attempts_max:2&quote_id=${quoted.id}`,
      body,
    );
    await api.json(200, `/v1/bulks/${id}/cancel`, { json: {} });
    const again = await api.json(202, `/v1/bulks/${id}/retry`, { method: "POST" });
    expect((await api.json(200, `/v1/bulks/${again.id}`)).caps).toMatchObject({ attempts_max: 2 });
  });
});

test("work whose fees have no bound is refused by line, and may be skipped", async () => {
  const body = ndjson([{ input: { question: "Who?", speed: "fast" } }, { input: { question: "Who?" } }]);
  const headers = { "content-type": "application/x-ndjson" };
  const error = {
    line: 1,
    field: "input.speed",
    reason: expect.stringContaining("unbounded_cost") as string,
  };
  expect(await api.json(422, "/v1/bulks?type=web-answer", { body, headers })).toMatchObject({
    errors: [error],
  });
  expect(await api.json(202, "/v1/bulks?type=web-answer&on_invalid=skip", { body, headers })).toMatchObject({
    accepted: 1,
    errors: [error],
  });
  expect(
    await api.json(422, "/v1/jobs", {
      json: { type: "web-answer", input: { question: "Who?", speed: "fast" } },
    }),
  ).toMatchObject({ code: "unbounded_cost" });
});

test("what paused turns held goes with the bulk that is deleted", async () => {
  const { id } = await api.json(202, "/v1/bulks?type=message", upload([{ input: message() }]));
  await api.pool.query(
    "INSERT INTO job_turns (job_id, attempt_no, tenant_id, turn) SELECT id, 1, tenant_id, '{}' FROM jobs WHERE bulk_id = $1",
    [id],
  );
  await api.json(200, `/v1/bulks/${id}/cancel`, { json: {} });
  expect((await api.send(`/v1/bulks/${id}`, { method: "DELETE" })).status).toBe(204);
  expect((await api.pool.query("SELECT 1 FROM job_turns")).rows).toEqual([]);
});
