import { gzipSync } from "node:zlib";
import { beforeAll, expect, test } from "vitest";
import type { Simulator } from "../../src/simulator/server.ts";
import { clientOf, envelopeOf, failureOf, headers, lines, params, post, simulate } from "./support.ts";

let simulator: Simulator;
beforeAll(async () => {
  simulator = await simulate({
    keys: ["sk-ant-test-one", "sk-ant-test-two", "sk-ant-test-three"],
    workspaces: { "sk-ant-test-one": "shared", "sk-ant-test-three": "shared" },
  });
});

test("a key is taken as a bearer token and as x-api-key", async () => {
  const bearer = await clientOf(simulator).messages.create(params());
  const plain = await post(simulator, "/v1/messages", params());
  expect(bearer.type).toBe("message");
  expect(plain.status).toBe(200);
});

test.each([
  ["no key", "", "x-api-key header is required"],
  ["an unlisted key", "sk-ant-other", "invalid x-api-key"],
  ["a bad key", "sk-ant-bad-1", "invalid x-api-key"],
])("%s is refused with 401", async (_name, key, message) => {
  const response = await post(simulator, "/v1/messages", params(), { "x-api-key": key });
  const body = await envelopeOf(response);
  expect(response.status).toBe(401);
  expect(body).toEqual({
    type: "error",
    error: { type: "authentication_error", message },
    request_id: response.headers.get("request-id"),
  });
});

test("every response carries a request id of its own, errors in the body too", async () => {
  const { request_id: first } = await clientOf(simulator).messages.create(params()).withResponse();
  const error = await failureOf(clientOf(simulator).messages.batches.retrieve("msgbatch_none"));
  expect(first).toMatch(/^req_/);
  expect(error.requestID).toMatch(/^req_/);
  expect(error.requestID).not.toBe(first);
  expect(error.error).toMatchObject({
    type: "error",
    error: { type: "not_found_error" },
    request_id: error.requestID,
  });
});

test("the API version is required and must be known", async () => {
  const { "anthropic-version": _version, ...rest } = headers;
  const none = await fetch(`${simulator.url}/v1/messages`, {
    method: "POST",
    headers: rest,
    body: JSON.stringify(params()),
  });
  const odd = await post(simulator, "/v1/messages", params(), { "anthropic-version": "2020-01-01" });
  expect([none.status, (await envelopeOf(none)).error.message]).toEqual([
    400,
    "anthropic-version: header is required",
  ]);
  expect([odd.status, (await envelopeOf(odd)).error.message]).toEqual([
    400,
    'anthropic-version: "2020-01-01" is not a valid version.',
  ]);
});

test.each(["temperature", "top_p", "top_k"])(
  "%s is refused under 2026-10-21 and allowed under 2023-06-01",
  async (name) => {
    const body = { ...params(), [name]: 1 };
    const now = await post(simulator, "/v1/messages", body);
    const before = await post(simulator, "/v1/messages", body, { "anthropic-version": "2023-06-01" });
    expect([now.status, (await envelopeOf(now)).error.type]).toEqual([400, "invalid_request_error"]);
    expect(before.status).toBe(200);
  },
);

test("an unknown path is 404 in the envelope", async () => {
  const response = await post(simulator, "/_stainless_unknown_path", {});
  expect([response.status, (await envelopeOf(response)).error.type]).toEqual([404, "not_found_error"]);
});

test("a batch exists for the keys of its workspace only", async () => {
  const own = clientOf(simulator);
  const sibling = clientOf(simulator, "sk-ant-test-three");
  const stranger = clientOf(simulator, "sk-ant-test-two");
  const { id } = await own.messages.batches.create({ requests: lines(1) });
  expect((await sibling.messages.batches.retrieve(id)).id).toBe(id);
  expect((await failureOf(stranger.messages.batches.retrieve(id))).status).toBe(404);
  expect((await failureOf(stranger.messages.batches.cancel(id))).status).toBe(404);
  expect((await stranger.messages.batches.list()).data).toEqual([]);
  expect((await failureOf(own.messages.batches.list({ workspace_id: "wrkspc_other" }))).status).toBe(403);
});

const send = (encoding: string, body: string | Uint8Array<ArrayBuffer>) =>
  fetch(`${simulator.url}/v1/messages`, {
    method: "POST",
    headers: { ...headers, "content-encoding": encoding },
    body,
  });

test("compressed bodies are decoded, broken and unknown encodings refused", async () => {
  const good = await send("gzip", gzipSync(JSON.stringify(params())));
  const broken = await send("gzip", "not gzip");
  const odd = await send("zebra", "x");
  expect(good.status).toBe(200);
  expect((await envelopeOf(broken)).error.details).toEqual({ error_code: "request_body_encoding_invalid" });
  expect((await envelopeOf(odd)).error.details).toEqual({ error_code: "request_body_encoding_unsupported" });
});

test("a body over 32 MB is 413, counted after decoding", async () => {
  const large = `{"x":"${"a".repeat(33 * 1024 * 1024)}"}`;
  const plain = await post(simulator, "/v1/messages", large);
  const packed = await fetch(`${simulator.url}/v1/messages/count_tokens`, {
    method: "POST",
    headers: { ...headers, "content-encoding": "gzip" },
    body: gzipSync(large),
  });
  expect([plain.status, (await envelopeOf(plain)).error.type]).toEqual([413, "request_too_large"]);
  expect([packed.status, (await envelopeOf(packed)).error.details?.error_code]).toEqual([
    413,
    "request_body_too_large_after_decoding",
  ]);
});

test.each([
  ["cut off", '{"model":'],
  ["a lone surrogate", '{"model":"m","messages":[{"role":"user","content":"\\ud83d"}]}'],
])("malformed JSON (%s) is 400", async (_name, body) => {
  const response = await post(simulator, "/v1/messages", body);
  expect([response.status, (await envelopeOf(response)).error.message]).toEqual([
    400,
    expect.stringMatching(/^The request body is not valid JSON: /),
  ]);
});
