// One simulator per test file where nothing is changed in it, one per test otherwise; all are closed at the end of the file.
import Anthropic from "@anthropic-ai/sdk";
import type { MessageCreateParamsNonStreaming } from "@anthropic-ai/sdk/resources/messages";
import { afterAll } from "vitest";
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

export const clientOf = (simulator: Simulator, apiKey = "sk-ant-test-one"): Anthropic =>
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

/** The error envelope of a response. */
export interface Envelope {
  readonly type: string;
  readonly error: {
    readonly type: string;
    readonly message: string;
    readonly details?: { readonly error_code: string };
  };
  readonly request_id: string;
}

export const envelopeOf = async (response: Response): Promise<Envelope> =>
  (await response.json()) as Envelope;

/** What a promise is rejected with; fails the test when it is not. */
export const failureOf = async (
  promise: PromiseLike<unknown>,
): Promise<InstanceType<typeof Anthropic.APIError>> => {
  try {
    await promise;
  } catch (error) {
    return error as InstanceType<typeof Anthropic.APIError>;
  }
  throw new Error("expected a failure");
};

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

export interface Invoice {
  readonly total_usd: string;
  readonly total_nano: string;
  readonly items: number;
  readonly unpriced_items: number;
  readonly by_lane: Record<string, { readonly total_nano: string; readonly items: number }>;
  readonly by_batch: Record<string, { readonly total_nano: string; readonly items: number }>;
}

export const invoiceOf = async (simulator: Simulator): Promise<Invoice> =>
  (await control(simulator, "invoice")) as Invoice;

/** All rows of a batch by custom_id, in order of arrival. */
export const rowsOf = async (client: Anthropic, id: string) => {
  const rows: Anthropic.Messages.MessageBatchIndividualResponse[] = [];
  for await (const row of await client.messages.batches.results(id)) rows.push(row);
  return rows;
};

export const textOf = (message: Anthropic.Messages.Message): string =>
  message.content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("");
