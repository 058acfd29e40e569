import { expect, test } from "vitest";
import {
  clientOf,
  control,
  envelopeOf,
  errorOf,
  failureOf,
  invoiceOf,
  lines,
  minuteMs,
  params,
  post,
  requestsOf,
  simulate,
  statusOf,
} from "./support.ts";

test.each([
  [400, "BadRequestError", "invalid_request_error"],
  [401, "AuthenticationError", "authentication_error"],
  [402, "PaymentRequiredError", "billing_error"],
  [403, "PermissionDeniedError", "permission_error"],
  [404, "NotFoundError", "not_found_error"],
  [408, "RequestTimeoutError", "timeout_error"],
  [409, "ConflictError", "conflict_error"],
  [413, "ContentTooLargeError", "request_too_large"],
  [429, "RateLimitError", "rate_limit_error"],
  [500, "InternalServerError", "api_error"],
  [503, "ServiceUnavailableError", "api_error"],
  [504, "GatewayTimeoutError", "timeout_error"],
  [529, "OverloadedError", "overloaded_error"],
])("status %i arrives in the SDK as %s", async (status, name, type) => {
  const simulator = await simulate();
  simulator.addFault({ action: "error", params: { status } });
  const error = await failureOf(clientOf(simulator).messages.create(params()));
  expect([error.status, error.constructor.name, error.type]).toEqual([status, name, type]);
  expect((await invoiceOf(simulator)).items).toBe(0);
});

test.each([
  ["rate_limited", 429, "2", undefined],
  ["ramp_limit", 429, "5", "ramp_limit_exceeded"],
  ["spend_limit", 429, null, "enforced_spend_limit_reached"],
  ["contract_limit", 429, null, "contract_spend_limit_reached"],
  ["absurd_retry_after", 429, "86400", undefined],
  ["on_hold", 400, null, "organization_on_hold"],
])("the kind %s has its status, retry-after and code", async (kind, status, retryAfter, code) => {
  const simulator = await simulate();
  simulator.addFault({ action: "error", params: { kind } });
  const error = await failureOf(clientOf(simulator).messages.create(params()));
  expect([error.status, error.headers?.get("retry-after") ?? null, error.errorCode ?? undefined]).toEqual([
    status,
    retryAfter,
    code,
  ]);
});

test.each([
  ["usage_limit", "You have reached your specified API usage limits", null],
  ["workspace_usage_limit", "You have reached your specified workspace API usage limits", null],
  ["credit_too_low", "Your credit balance is too low", "false"],
])("the money stop %s is known by its text only", async (kind, text, shouldRetry) => {
  const simulator = await simulate();
  simulator.addFault({ action: "error", params: { kind } });
  const response = await post(simulator, "/v1/messages", params());
  const { error } = await envelopeOf(response);
  expect([
    response.status,
    error.message.startsWith(text),
    error.details,
    response.headers.get("x-should-retry"),
  ]).toEqual([400, true, undefined, shouldRetry]);
});

test("a 413 from the edge is a page, not JSON", async () => {
  const simulator = await simulate();
  simulator.addFault({ action: "error", params: { kind: "edge_413" } });
  const response = await post(simulator, "/v1/messages/batches", { requests: lines(1) });
  expect([response.status, response.headers.get("content-type")]).toEqual([413, "text/html"]);
  expect(await response.text()).toContain("<h1>413");
});

test("a reset before headers and headers that never come", async () => {
  const simulator = await simulate();
  simulator.addFault({ action: "reset" });
  expect((await failureOf(clientOf(simulator).messages.create(params()))).constructor.name).toBe(
    "APIConnectionError",
  );
  simulator.addFault({ action: "hang" });
  expect(
    (await failureOf(clientOf(simulator).messages.create(params(), { timeout: 100 }))).constructor.name,
  ).toBe("APIConnectionTimeoutError");
  expect((await invoiceOf(simulator)).items).toBe(0);
});

test("a body may stall, be cut or drip; the answer is billed each time", async () => {
  const simulator = await simulate({ clockRate: 1_000 });
  const client = clientOf(simulator);
  simulator.addFault({ action: "cut_body" });
  await errorOf(client.messages.create(params()));
  simulator.addFault({ action: "slow_body", params: { bytes: 100, interval_ms: 100 } });
  expect((await client.messages.create(params())).type).toBe("message");
  simulator.addFault({ action: "stall_body" });
  await errorOf(client.messages.create(params(), { signal: AbortSignal.timeout(200) }));
  expect((await invoiceOf(simulator)).items).toBe(3);
});

test("a delay is virtual time before the work", async () => {
  const simulator = await simulate();
  simulator.addFault({ action: "delay", params: { ms: 60_000 } });
  const answer = clientOf(simulator).messages.create(params());
  await expect.poll(async () => (await requestsOf(simulator)).running).toBe(1);
  await simulator.advance(60_000);
  expect((await answer).type).toBe("message");
});

test("rules count: times, nth, every; and can be cleared", async () => {
  const simulator = await simulate();
  const client = clientOf(simulator);
  const statuses = async (count: number): Promise<(number | undefined)[]> => {
    const seen: (number | undefined)[] = [];
    for (let call = 0; call < count; call += 1) {
      // oxlint-disable-next-line no-await-in-loop -- the order is the point
      seen.push(await statusOf(client.messages.create(params())));
    }
    return seen;
  };
  simulator.addFault({ action: "error", params: { status: 529 }, times: 2 });
  expect(await statuses(3)).toEqual([529, 529, 200]);
  simulator.addFault({ action: "error", params: { status: 500 }, match: { nth: 2 } });
  expect(await statuses(3)).toEqual([200, 500, 200]);
  simulator.addFault({ action: "error", params: { status: 503 }, match: { every: 3 }, times: null });
  expect(await statuses(6)).toEqual([200, 200, 503, 200, 200, 503]);
  await control(simulator, "faults", undefined, "DELETE");
  expect(await statuses(3)).toEqual([200, 200, 200]);
});

test("rules match a marker, a model, a lane, a key, a path", async () => {
  const simulator = await simulate();
  const client = clientOf(simulator);
  simulator.addFault({ action: "error", times: null, match: { path: "/v1/messages", contains: "marker-7" } });
  simulator.addFault({ action: "error", times: null, match: { model: "claude-opus-5" } });
  simulator.addFault({ action: "error", times: null, match: { path: "/v1/messages/batches/{id}/cancel" } });
  const ok = (text: string, model = "claude-haiku-5-5") =>
    client.messages.create(params(text, { model })).then(
      () => true,
      () => false,
    );
  expect(await Promise.all([ok("marker-7"), ok("marker-8"), ok("x", "claude-opus-5")])).toEqual([
    false,
    true,
    false,
  ]);
  const { id } = await client.messages.batches.create({ requests: lines(1) });
  expect((await failureOf(client.messages.batches.cancel(id))).status).toBe(500);
  expect((await client.messages.batches.retrieve(id)).id).toBe(id);
});

test("a marker in one line refuses the create it is in, and spoils only its own line otherwise", async () => {
  const simulator = await simulate();
  const client = clientOf(simulator);
  simulator.addFault({
    action: "error",
    match: { path: "/v1/messages/batches", contains: "number 3" },
    params: { status: 529 },
  });
  expect((await failureOf(client.messages.batches.create({ requests: lines(5) }))).status).toBe(529);
  simulator.addFault({ action: "refusal", match: { contains: '"line-3"' } });
  const { id } = await client.messages.batches.create({ requests: lines(5) });
  await simulator.advance(20 * minuteMs);
  const reasons: string[] = [];
  for await (const row of await client.messages.batches.results(id))
    if (row.result.type === "succeeded")
      reasons.push(`${row.custom_id} ${String(row.result.message.stop_reason)}`);
  expect(reasons.filter((reason) => reason.endsWith("refusal"))).toEqual(["line-3 refusal"]);
});

const hit = async (seed: number): Promise<string[]> => {
  const simulator = await simulate();
  simulator.addFault({ action: "errored", probability: 0.3, seed, times: null });
  const { id } = await clientOf(simulator).messages.batches.create({ requests: lines(60) });
  await simulator.advance(20 * minuteMs);
  const rows: string[] = [];
  for await (const row of await clientOf(simulator).messages.batches.results(id))
    if (row.result.type === "errored") rows.push(row.custom_id);
  return rows.toSorted();
};

test("chance goes by the rule's seed: the same lines every time", async () => {
  const first = await hit(1);
  expect(first.length).toBeGreaterThan(5);
  expect(first.length).toBeLessThan(35);
  expect(await hit(1)).toEqual(first);
  expect(await hit(2)).not.toEqual(first);
});

test("a wrong rule is refused with what is wrong", async () => {
  const simulator = await simulate();
  const wrong = [
    { action: "explode" },
    { action: "error", macth: {} },
    { action: "error", match: { prompt: "x" } },
    { action: "error", params: { status: [] } },
  ];
  const answers = await Promise.all(wrong.map((fault) => control(simulator, "faults", fault)));
  expect(answers).toEqual([
    { error: expect.stringContaining('action: unknown "explode", one of ') },
    { error: expect.stringContaining("macth: unknown") },
    { error: expect.stringContaining("match.prompt: unknown") },
    { error: expect.stringContaining("params.status") },
  ]);
});
