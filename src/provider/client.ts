// The one door to the provider: the Anthropic SDK with its retries off, our fetch under it, and every end a value.
//
// Retries off, because the SDK repeats a POST after a timeout or a reset and sends no idempotency key: a message batch would be
// paid twice. Base URL given, because an inherited ANTHROPIC_BASE_URL must not redirect a production run. The body of a message
// is the text that was rendered, priced and hashed, sent byte for byte.

import Anthropic, { APIError } from "@anthropic-ai/sdk";
import { classifyError } from "../domain/attempt.ts";
import type { Clock } from "../domain/clock.ts";
import { isRecord } from "../domain/json-value.ts";
import { parseRetryAfter } from "../domain/retry.ts";
import type { Gate } from "../domain/work-scope.ts";
import type { CallEnd, CallTerms } from "./call-end.ts";
import { createGatedFetch } from "./gated-fetch.ts";
import type { CallTrace } from "./gated-fetch.ts";
import { neverConnected } from "./never-connected.ts";

export interface ProviderOptions {
  baseUrl: string;
  apiKey: string;
  gate: Gate;
  clock: Clock;
  /** Called with the headers of every answer of the Messages endpoint: the pace learns the provider's limits from them. */
  onAnswer?(headers: Headers, status: number): void;
  /** Called when a call that costs or carries content begins. */
  onStart?(at: Date): void;
}

/** How a request differs from another; `free` ones pass a shut gate (poll, list, cancel, results). */
export interface ProviderRequest {
  method: "get" | "post" | "delete";
  path: string;
  /** Lists become `name[]=…` each; in the path the SDK would keep the last one only. */
  query?: Readonly<Record<string, string | readonly string[]>>;
  body?: string | ReadableStream<Uint8Array>;
  headers?: Record<string, string>;
}

export interface Provider {
  /** Sends one Messages request. `params` is the JSON text of its body. Never throws for what the provider or the network does. */
  createMessage(params: string, terms: CallTerms): Promise<CallEnd<unknown>>;
  /** Any other request; `scope` absent = free of cost and content, passes the gate. The answer's body is parsed JSON. */
  request(
    request: ProviderRequest,
    terms: Partial<CallTerms> & { deadlineMs: number },
  ): Promise<CallEnd<unknown>>;
  /** A request whose answer is read as a stream; the deadline covers the headers only, `signal` the whole. */
  stream(
    request: ProviderRequest,
    terms: { headersDeadlineMs: number; signal: AbortSignal },
  ): Promise<StreamEnd>;
  close(): Promise<void>;
}

export type StreamEnd =
  | { kind: "stream"; status: number; body: ReadableStream<Uint8Array> }
  | Extract<CallEnd<never>, { kind: "error" | "lost" }>;

const jsonHeaders = { "content-type": "application/json" };

export function createProvider(options: ProviderOptions): Provider {
  const { clock } = options;
  const { fetch, close } = createGatedFetch({
    gate: options.gate,
    clock,
    onAnswer: (headers, status) => options.onAnswer?.(headers, status),
    onStart: (at) => options.onStart?.(at),
  });
  const client = new Anthropic({
    apiKey: options.apiKey,
    authToken: null,
    baseURL: options.baseUrl,
    maxRetries: 0,
    logLevel: "off",
    fetch,
  });

  async function request(
    wanted: ProviderRequest,
    terms: Partial<CallTerms> & { deadlineMs: number; paced?: boolean },
  ): Promise<CallEnd<unknown>> {
    const trace: CallTrace = {
      paced: terms.paced === true,
      ...(terms.scope !== undefined && { scope: terms.scope }),
    };
    const deadline = startDeadline(terms.deadlineMs, terms.signal);
    try {
      const response = await send(client, wanted, {
        trace,
        signal: deadline.signal,
        timeoutMs: terms.deadlineMs,
      });
      return answerOf(response, await response.text(), times(trace, clock));
    } catch (error) {
      if (trace.shut !== undefined) return { kind: "shut", verdict: trace.shut };
      return failedEnd(error, trace, deadline.reason(), clock);
    } finally {
      deadline.clear();
    }
  }

  return {
    request,
    createMessage: (params, terms) =>
      request(
        { method: "post", path: "/v1/messages", body: params, headers: jsonHeaders },
        { ...terms, paced: true },
      ),
    stream: async (wanted, terms) => {
      const trace: CallTrace = {};
      try {
        const response = await send(client, wanted, {
          trace,
          signal: terms.signal,
          timeoutMs: terms.headersDeadlineMs,
        });
        if (response.body === null) return { kind: "lost", outcome: "unknown_end", ...times(trace, clock) };
        return { kind: "stream", status: response.status, body: response.body as ReadableStream<Uint8Array> };
      } catch (error) {
        const end = failedEnd(error, trace, terms.signal.aborted ? "aborted" : null, clock);
        return end;
      }
    },
    close,
  };
}

interface SendOptions {
  trace: CallTrace;
  signal: AbortSignal;
  timeoutMs: number;
}

function send(
  client: Anthropic,
  wanted: ProviderRequest,
  { trace, signal, timeoutMs }: SendOptions,
): Promise<Response> {
  // The SDK types its body as an object, and passes a string with a content type and a stream through untouched; what it does not
  // know in fetchOptions it hands to our fetch.
  // oxlint-disable typescript/no-unsafe-type-assertion -- see above
  const body = wanted.body as unknown as object | undefined;
  const fetchOptions = { trace } as RequestInit;
  const options = {
    signal,
    timeout: timeoutMs,
    fetchOptions,
    ...(wanted.headers && { headers: wanted.headers }),
    ...(wanted.query && { query: wanted.query }),
    ...(body && { body }),
  };
  return client[wanted.method](wanted.path, options as Parameters<typeof client.get>[1]).asResponse();
  // oxlint-enable typescript/no-unsafe-type-assertion
}

interface Deadline {
  signal: AbortSignal;
  reason(): "timed_out" | "aborted" | null;
  clear(): void;
}

/** One controller a call: a long-lived signal would gather a listener for every call made under it. */
function startDeadline(ms: number, outer: AbortSignal | undefined): Deadline {
  const controller = new AbortController();
  let reason: "timed_out" | "aborted" | null = null;
  const end = (why: "timed_out" | "aborted"): void => {
    reason ??= why;
    controller.abort();
  };
  const timer = setTimeout(() => end("timed_out"), ms);
  const onAbort = (): void => end("aborted");
  if (outer?.aborted === true) onAbort();
  else outer?.addEventListener("abort", onAbort, { once: true });
  return {
    signal: controller.signal,
    reason: () => reason,
    clear: () => {
      clearTimeout(timer);
      outer?.removeEventListener("abort", onAbort);
    },
  };
}

function answerOf(
  { status, headers }: Response,
  text: string,
  timed: { sentAt: Date; answeredAt: Date },
): CallEnd<unknown> {
  const retryAfterMs = parseRetryAfter(headers.get("retry-after"), timed.answeredAt.getTime());
  return {
    kind: "answer",
    status,
    body: parseJson(text),
    text,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...ids(headers),
    ...timed,
  };
}

type FailedEnd = Extract<CallEnd<never>, { kind: "error" | "lost" }>;

function failedEnd(
  error: unknown,
  trace: CallTrace,
  ended: "timed_out" | "aborted" | null,
  clock: Clock,
): FailedEnd {
  const timed = times(trace, clock);
  if (error instanceof APIError && error.status !== undefined && ended === null)
    return errorEnd(error, timed);
  if (trace.sentAt === undefined) return { kind: "lost", outcome: "not_sent", ...timed };
  if (ended !== null) return { kind: "lost", outcome: ended, ...timed };
  return { kind: "lost", outcome: neverConnected(error) ? "not_sent" : "unknown_end", ...timed };
}

function errorEnd(error: APIError, timed: { sentAt: Date; answeredAt: Date }): FailedEnd {
  const { type, code, message } = readError(error.error);
  const status = Number(error.status);
  const retryAfterMs = parseRetryAfter(error.headers?.get("retry-after"), timed.answeredAt.getTime());
  return {
    kind: "error",
    outcome: classifyError({
      status,
      ...(type !== undefined && { type }),
      ...(code !== undefined && { code }),
      ...(message !== undefined && { message }),
    }),
    status,
    ...(type !== undefined && { type }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...ids(error.headers),
    ...timed,
  };
}

function readError(body: unknown): { type?: string; code?: string; message?: string } {
  const error = memberOf(body, "error");
  const type = error["type"];
  const message = error["message"];
  const code = memberOf(error, "details")["error_code"];
  return {
    ...(typeof type === "string" && { type }),
    ...(typeof message === "string" && { message }),
    ...(typeof code === "string" && { code }),
  };
}

function memberOf(value: unknown, name: string): Record<string, unknown> {
  const member = isRecord(value) ? value[name] : undefined;
  return isRecord(member) ? member : {};
}

function ids(headers: Headers | undefined): { requestId?: string } {
  const requestId = headers?.get("request-id");
  return requestId === null || requestId === undefined ? {} : { requestId };
}

function times(trace: CallTrace, clock: Clock): { sentAt: Date; answeredAt: Date } {
  const answeredAt = clock.now();
  return { sentAt: trace.sentAt ?? answeredAt, answeredAt };
}

/** A 200 whose body is not JSON has been computed and billed; it is read as no message, and the attempt booked accordingly. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
