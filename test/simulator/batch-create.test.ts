import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import {
  clientOf,
  control,
  envelopeOf,
  failureOf,
  headers,
  invoiceOf,
  lines,
  minuteMs,
  params,
  post,
  requestsOf,
  rowsOf,
  simulate,
  statusOf,
} from "./support.ts";

const line = (custom_id: unknown) => ({ custom_id, params: params() });

test.each([
  ["an empty list", { requests: [] }, "requests: List should have at least 1 item after validation, not 0"],
  ["no list", {}, "requests: Field required"],
  ["no custom_id", { requests: [{ params: params() }] }, "requests.0.custom_id: Field required"],
  [
    "a long custom_id",
    { requests: [line("x".repeat(65))] },
    "requests.0.custom_id: String should have at most 64 characters",
  ],
  [
    "bad characters",
    { requests: [line("ok"), line("a:b")] },
    "requests.1.custom_id: String should match pattern '^[a-zA-Z0-9_-]{1,64}$'",
  ],
  [
    "a duplicate",
    { requests: [line("dup"), line("b"), line("dup")] },
    "requests: custom_id's must be unique within a batch. Duplicate custom_id found: dup",
  ],
  ["no params", { requests: [{ custom_id: "a" }] }, "requests.0.params: Field required"],
  [
    "an item that is no object",
    { requests: [line("a"), 7] },
    "requests.1: Input should be a valid dictionary or object to extract fields from",
  ],
])("the whole batch is refused for %s", async (_name, body, message) => {
  const simulator = await simulate();
  const response = await post(simulator, "/v1/messages/batches", body);
  expect([response.status, (await envelopeOf(response)).error]).toEqual([
    400,
    { type: "invalid_request_error", message },
  ]);
  expect((await clientOf(simulator).messages.batches.list()).data).toEqual([]);
});

test.each([
  '{"requests":[',
  '{"requests":[{"custom_id":"a","params":{}]}',
  '{"requests":[{"custom_id":"a","params":{}},]}',
  "[1",
  "",
])("malformed JSON is refused: %s", async (body) => {
  const response = await post(await simulate(), "/v1/messages/batches", body);
  expect([response.status, (await envelopeOf(response)).error.message]).toEqual([
    400,
    expect.stringContaining("not valid JSON"),
  ]);
});

test("parameters are not looked at until a line is produced; each wrong one is an errored row, unbilled", async () => {
  const simulator = await simulate();
  const client = clientOf(simulator);
  const wrong = {
    "no-messages": { model: "claude-haiku-5-5", max_tokens: 10 },
    "no-model": { ...params(), model: "claude-nonexistent" },
    retired: { ...params(), model: "claude-opus-4-1" },
    "many-tokens": { ...params(), max_tokens: 200_000 },
    stream: { ...params(), stream: true },
    zero: { ...params(), max_tokens: 0 },
    sampling: { ...params(), temperature: 1 },
    image: {
      ...params(),
      messages: [
        {
          role: "user",
          content: [{ type: "image", source: { type: "url", url: "https://unreachable.example/x.png" } }],
        },
      ],
    },
  };
  const requests = Object.entries(wrong).map(([custom_id, body]) => ({
    custom_id,
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- wrong on purpose
    params: body as ReturnType<typeof params>,
  }));
  const { id } = await client.messages.batches.create({ requests });
  await simulator.advance(20 * minuteMs);
  const batch = await client.messages.batches.retrieve(id);
  expect(batch.request_counts).toEqual({ processing: 0, succeeded: 0, errored: 8, canceled: 0, expired: 0 });
  const rows = Object.fromEntries((await rowsOf(client, id)).map((row) => [row.custom_id, row.result]));
  const inner = (name: string) => {
    const result = rows[name];
    return result?.type === "errored"
      ? [result.error.error.type, result.error.error.message, result.error.request_id]
      : result;
  };
  expect(inner("no-messages")).toEqual(["invalid_request_error", "messages: Field required", null]);
  expect(inner("no-model")).toEqual(["not_found_error", "model: claude-nonexistent", null]);
  expect(inner("retired")).toEqual(["not_found_error", "model: claude-opus-4-1", null]);
  expect(inner("many-tokens")).toEqual([
    "invalid_request_error",
    "max_tokens: 200000 > 128000, which is the maximum allowed number of output tokens for claude-haiku-5-5",
    null,
  ]);
  expect(inner("stream")).toEqual([
    "invalid_request_error",
    '"stream=True" is not supported in the Message Batches API',
    null,
  ]);
  expect(inner("zero")).toEqual([
    "invalid_request_error",
    "max_tokens: must be greater than or equal to 1",
    null,
  ]);
  expect(inner("sampling")).toEqual([
    "invalid_request_error",
    "temperature: Extra inputs are not permitted",
    null,
  ]);
  expect(inner("image")).toEqual([
    "invalid_request_error",
    expect.stringContaining("Unable to download the file"),
    expect.stringMatching(/^workerreq_/),
  ]);
  expect((await invoiceOf(simulator)).total_nano).toBe("0");
});

test("two equal posts make two batches, whatever idempotency header they carry", async () => {
  const simulator = await simulate();
  const body = { requests: lines(2) };
  const first = await post(simulator, "/v1/messages/batches", body, { "idempotency-key": "same" });
  const second = await post(simulator, "/v1/messages/batches", body, { "idempotency-key": "same" });
  expect(await first.text()).not.toBe(await second.text());
  expect((await clientOf(simulator).messages.batches.list()).data).toHaveLength(2);
});

test("the number of lines and the bytes are limited", async () => {
  const simulator = await simulate({ limits: { batchLinesMax: 3 } });
  const many = await failureOf(clientOf(simulator).messages.batches.create({ requests: lines(4) }));
  expect(many.message).toContain("requests: List should have at most 3 items after validation, not 4");
  const body = JSON.stringify({ requests: lines(3) });
  await control(simulator, "limits", { batchBytesMax: body.length });
  expect((await post(simulator, "/v1/messages/batches", body)).status).toBe(200);
  const plain = await post(simulator, "/v1/messages/batches", `${body} `);
  const packed = await fetch(`${simulator.url}/v1/messages/batches`, {
    method: "POST",
    headers: { ...headers, "content-encoding": "gzip" },
    body: gzipSync(`${body} `),
  });
  expect([plain.status, (await envelopeOf(plain)).error.type]).toEqual([413, "request_too_large"]);
  expect([packed.status, (await envelopeOf(packed)).error.details?.error_code]).toEqual([
    413,
    "request_body_too_large_after_decoding",
  ]);
});

test("256 MB and 100,000 lines are the limits when nothing else is said", async () => {
  const { limits } = (await simulate()).world;
  expect([limits.settings.batchBytesMax, limits.settings.batchLinesMax]).toEqual([268_435_456, 100_000]);
});

test.each([
  ["reset", undefined],
  ["503", 503],
] as const)("a lost response (%s): the batch is stored, runs and is billed", async (_name, status) => {
  const simulator = await simulate();
  const client = clientOf(simulator);
  simulator.addFault({
    action: "lose_response",
    match: { path: "/v1/messages/batches", method: "POST" },
    params: status === undefined ? { as: "reset" } : { as: "status", status },
  });
  const error = await failureOf(client.messages.batches.create({ requests: lines(3) }));
  expect(error.status).toBe(status);
  const { data } = await client.messages.batches.list();
  expect(data).toHaveLength(1);
  await simulator.advance(20 * minuteMs);
  expect((await invoiceOf(simulator)).items).toBe(3);
});

test("a lost response as a timeout: the client gives up, the batch is there", async () => {
  const simulator = await simulate();
  const client = clientOf(simulator);
  simulator.addFault({ action: "lose_response", params: { as: "timeout" } });
  const error = await failureOf(client.messages.batches.create({ requests: lines(3) }, { timeout: 100 }));
  expect(error.name).toBe("APIConnectionTimeoutError");
  expect((await client.messages.batches.list()).data).toHaveLength(1);
});

test("an upload that is cut off stores nothing", async () => {
  const simulator = await simulate();
  simulator.addFault({ action: "reset_upload", params: { bytes: 100 } });
  await failureOf(clientOf(simulator).messages.batches.create({ requests: lines(50) }));
  expect((await clientOf(simulator).messages.batches.list()).data).toEqual([]);
});

test("a new id answers 404 for a while and is missing from the list for longer", async () => {
  const simulator = await simulate({ createHiddenMs: 2_000, listLagMs: 10_000 });
  const client = clientOf(simulator);
  const { id } = await client.messages.batches.create({ requests: lines(1) });
  const seen = async () => [
    await statusOf(client.messages.batches.retrieve(id)),
    (await client.messages.batches.list()).data.length,
  ];
  expect(await seen()).toEqual([404, 0]);
  await simulator.advance(2_000);
  expect(await seen()).toEqual([200, 0]);
  await simulator.advance(8_000);
  expect(await seen()).toEqual([200, 1]);
});

test("the request log tells a create by its count, its first custom_id and its batch", async () => {
  const simulator = await simulate();
  const { id } = await clientOf(simulator).messages.batches.create({ requests: lines(5) });
  const log = await requestsOf(simulator, "?path=/v1/messages/batches");
  expect(log.requests.at(-1)).toMatchObject({
    method: "POST",
    status: 200,
    custom_ids: 5,
    marker: "line-0",
    batch_id: id,
    retry_count: 0,
  });
});

test("an upload takes as long as its speed says, its sender is held back, and a new speed counts for uploads under way", async () => {
  const simulator = await simulate({ clockRate: 1, uploadBytesPerS: 16_000_000 });
  const lineBytes = 1_000_000;
  const lineCount = 32;
  const upload = async (): Promise<{ tookMs: number; lastPullMs: number; status: number }> => {
    const startedMs = performance.now();
    let sent = 0;
    let lastPullMs = 0;
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          lastPullMs = performance.now() - startedMs;
          const text = JSON.stringify({ custom_id: `a-${sent}`, params: params("x".repeat(lineBytes)) });
          controller.enqueue(Buffer.from((sent === 0 ? '{"requests":[' : ",") + text));
          sent += 1;
          if (sent < lineCount) return;
          controller.enqueue(Buffer.from("]}"));
          controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    const answer = await fetch(`${simulator.url}/v1/messages/batches`, {
      method: "POST",
      headers,
      body,
      duplex: "half",
    });
    await answer.arrayBuffer();
    return { tookMs: performance.now() - startedMs, lastPullMs, status: answer.status };
  };
  const slow = await upload();
  expect(slow.status).toBe(200);
  expect(slow.tookMs).toBeGreaterThan(1_800);
  // Socket buffers hold some megabytes; the rest had to wait for the reader.
  expect(slow.lastPullMs).toBeGreaterThan(900);
  await control(simulator, "behaviour", { uploadBytesPerS: 1_000 });
  const crawling = upload();
  await expect
    .poll(() => control(simulator, "requests"))
    .toMatchObject({ running_by_endpoint: { "POST /v1/messages/batches": 1 } });
  await control(simulator, "behaviour", { uploadBytesPerS: 0 });
  expect((await crawling).tookMs).toBeLessThan(20_000);
});
