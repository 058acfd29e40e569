// One simulator per test file where nothing is changed in it, one per test otherwise; all are closed at the end of the file.
import Anthropic from "@anthropic-ai/sdk";
import type { MessageCreateParamsNonStreaming } from "@anthropic-ai/sdk/resources/messages";
import { afterAll } from "vitest";
import { z } from "zod";
import { startSimulator } from "../../src/simulator/server.ts";
import type { Simulator } from "../../src/simulator/server.ts";
import type { SimulatorOptions } from "../../src/simulator/options.ts";

const running: Simulator[] = [];
afterAll(async () => {
  await Promise.all(running.splice(0).map((simulator) => simulator.close()));
});

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;

/** Strict, but without latency and on a clock that stands still: what a test waits for, it brings about itself. */
export const simulate = async (options: SimulatorOptions = {}): Promise<Simulator> => {
  const simulator = await startSimulator({
    latencyMs: { min: 0, max: 0 },
    startMs: Date.UTC(2026, 10, 21),
    clockRate: 0,
    ...options,
  });
  running.push(simulator);
  return simulator;
};

export const clientOf = (simulator: Pick<Simulator, "url">, apiKey = "sk-ant-test-one"): Anthropic =>
  new Anthropic({ apiKey, baseURL: simulator.url, maxRetries: 0, timeout: 5_000, logLevel: "off" });

export const params = (
  text = "Where is my card?",
  more: Partial<MessageCreateParamsNonStreaming> = {},
): MessageCreateParamsNonStreaming => ({
  model: "claude-haiku-5-5",
  max_tokens: 256,
  messages: [{ role: "user", content: text }],
  ...more,
});

export const lines = (count: number, more: Partial<MessageCreateParamsNonStreaming> = {}) =>
  Array.from({ length: count }, (_, index) => ({
    custom_id: `line-${index}`,
    params: params(`Question number ${index}`, more),
  }));

export const headers = {
  "x-api-key": "sk-ant-test-one",
  "anthropic-version": "2026-10-21",
  "content-type": "application/json",
};

export const post = (
  simulator: Simulator,
  path: string,
  body: unknown,
  more: Record<string, string> = {},
): Promise<Response> =>
  fetch(simulator.url + path, {
    method: "POST",
    headers: { ...headers, ...more },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });

const envelope = z.object({
  type: z.literal("error"),
  error: z.object({
    type: z.string(),
    message: z.string(),
    details: z.object({ error_code: z.string() }).optional(),
  }),
  request_id: z.string(),
});

/** The error envelope of a response. */
export const envelopeOf = async (response: Response): Promise<z.infer<typeof envelope>> =>
  envelope.parse(await response.json());

/** What a promise is rejected with; fails the test when it is not. */
export const errorOf = async (promise: PromiseLike<unknown>): Promise<Error> => {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("expected a failure");
};

/** The same for a failure that the SDK reports. */
export const failureOf = async (
  promise: PromiseLike<unknown>,
): Promise<InstanceType<typeof Anthropic.APIError>> => {
  const error = await errorOf(promise);
  if (error instanceof Anthropic.APIError) return error;
  throw error;
};

/** 200, or the status a call failed with. */
export const statusOf = (promise: PromiseLike<unknown>): Promise<number | undefined> =>
  Promise.resolve(promise).then(
    () => 200,
    (error: unknown) => (error instanceof Anthropic.APIError ? error.status : undefined),
  );

export const control = async (
  simulator: Simulator,
  path: string,
  body?: unknown,
  method = body === undefined ? "GET" : "POST",
): Promise<unknown> =>
  (
    await fetch(`${simulator.url}/_sim/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  ).json();

const total = z.looseObject({ total_nano: z.string(), items: z.int() });
const invoice = total.extend({
  total_usd: z.string(),
  unpriced_items: z.int(),
  by_lane: z.record(z.string(), total),
  by_batch: z.record(z.string(), total),
});

export const invoiceOf = async (simulator: Simulator): Promise<z.infer<typeof invoice>> =>
  invoice.parse(await control(simulator, "invoice"));

const requestLog = z.looseObject({
  total: z.int(),
  running: z.int(),
  concurrency_max: z.int(),
  counts: z.record(z.string(), z.record(z.string(), z.int())),
  tokens: z.looseObject({ output_tokens: z.int() }),
  requests: z.array(
    z.looseObject({
      number: z.int(),
      marker: z.string().nullable(),
      retry_count: z.int(),
      status: z.int().nullable(),
      fault: z.string().nullable(),
      key: z.string().nullable(),
      body_hash: z.string().nullable(),
    }),
  ),
  next: z.int().nullable(),
});

export const requestsOf = async (simulator: Simulator, query = ""): Promise<z.infer<typeof requestLog>> =>
  requestLog.parse(await control(simulator, `requests${query}`));

/** All rows of a batch by custom_id, in order of arrival. */
export const rowsOf = async (client: Anthropic, id: string) => {
  const rows: Anthropic.Messages.MessageBatchIndividualResponse[] = [];
  for await (const row of await client.messages.batches.results(id)) rows.push(row);
  return rows;
};

export const textOf = (message: Anthropic.Messages.Message): string =>
  message.content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("");
