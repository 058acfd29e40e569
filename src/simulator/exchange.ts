/** One HTTP exchange: what came in, what goes out, and how the answer may be spoiled on the way. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { errorBody } from "./api-error.ts";
import type { ApiError } from "./api-error.ts";
import type { FaultRule, Stage, Subject } from "./faults.ts";
import { numberParam, textParam } from "./faults.ts";
import { faultError } from "./fault-errors.ts";
import type { Headers } from "./limit-headers.ts";
import type { LogEntry } from "./request-log.ts";
import type { ApiVersion, Identity, World } from "./world.ts";

export interface Exchange {
  readonly world: World;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly entry: LogEntry;
  identity: Identity;
  version: ApiVersion;
  /** Added to whatever is answered: rate limits, retry-after. */
  readonly headers: Headers;
}

/** The handler has ended the exchange (or left it hanging) itself: nothing more is to be sent. */
export class Abandoned extends Error {
  constructor() {
    super("the exchange was abandoned by a fault");
    this.name = "Abandoned";
  }
}

const commonHeaders = (exchange: Exchange, type: string): Headers => ({
  "content-type": type,
  "request-id": exchange.requestId,
  "anthropic-organization-id": exchange.world.limits.organization,
  ...exchange.headers,
});

const replyJson = (exchange: Exchange, body: unknown, status = 200): void => {
  const text = Buffer.from(JSON.stringify(body));
  exchange.entry.status = status;
  exchange.response.writeHead(status, {
    ...commonHeaders(exchange, "application/json"),
    "content-length": text.length,
  });
  exchange.response.end(text);
};

export const replyError = (exchange: Exchange, error: ApiError): void => {
  const { shape } = error;
  Object.assign(exchange.headers, shape.headers);
  exchange.entry.status = shape.status;
  if (shape.html !== undefined) {
    exchange.response.writeHead(shape.status, {
      ...commonHeaders(exchange, "text/html"),
      server: "cloudflare",
    });
    exchange.response.end(shape.html);
    return;
  }
  replyJson(
    exchange,
    { type: "error", error: errorBody(shape), request_id: exchange.requestId },
    shape.status,
  );
};

/** Opens a streamed answer. */
export const openStream = (exchange: Exchange, type: string): void => {
  exchange.entry.status = 200;
  exchange.response.writeHead(200, commonHeaders(exchange, type));
};

/** Where the client reached us, so that a results_url leads back here. */
export const originOf = (exchange: Exchange): string =>
  `http://${exchange.request.headers.host ?? "127.0.0.1"}`;

/** Cuts the connection without an answer. */
const reset = (exchange: Exchange): never => {
  exchange.request.socket.destroy();
  throw new Abandoned();
};

/** Leaves the client without an answer until it goes away. */
const hang = (): never => {
  throw new Abandoned();
};

const subjectOf = (exchange: Exchange, more: Partial<Subject> = {}): Subject => ({
  path: exchange.path,
  method: exchange.method,
  keyHash: exchange.identity.keyHash,
  ...more,
});

/** Takes a fault of the stage and notes it in the log. */
export const takeFault = (
  exchange: Exchange,
  stage: Stage,
  more: Partial<Subject> = {},
): FaultRule | null => {
  const rule = exchange.world.faults.take(stage, subjectOf(exchange, more));
  if (rule !== null) exchange.entry.fault = rule.action;
  return rule;
};

/** Faults that strike before any work is done. Delays are virtual milliseconds. */
export const meetRequestFaults = async (exchange: Exchange, more: Partial<Subject> = {}): Promise<void> => {
  let rule = takeFault(exchange, "request", more);
  while (rule !== null && rule.action === "delay") {
    // oxlint-disable-next-line no-await-in-loop -- delays add up, one after the other
    await exchange.world.clock.wait(numberParam(rule, "ms", 1_000));
    rule = takeFault(exchange, "request", more);
  }
  if (rule === null) return;
  if (rule.action === "reset") reset(exchange);
  if (rule.action === "hang") hang();
  throw faultError(rule);
};

/** Faults that strike when the work is done: the response is lost (`as`: reset, timeout or a status) or its body spoiled. */
export const replyWithFaults = (exchange: Exchange, body: unknown, rule: FaultRule | null): void => {
  if (rule === null) {
    replyJson(exchange, body);
    return;
  }
  if (rule.action === "lose_response") loseResponse(exchange, rule);
  else spoilBody(exchange, Buffer.from(JSON.stringify(body)), rule);
};

export const loseResponse = (exchange: Exchange, rule: FaultRule): void => {
  const how = textParam(rule, "as") ?? "reset";
  if (how === "reset") reset(exchange);
  if (how === "timeout") hang();
  throw faultError(rule);
};

const spoilBody = (exchange: Exchange, text: Buffer, rule: FaultRule): void => {
  const { response, world } = exchange;
  exchange.entry.status = 200;
  response.writeHead(200, { ...commonHeaders(exchange, "application/json"), "content-length": text.length });
  const half = Math.max(1, Math.floor(text.length / 2));
  if (rule.action === "slow_body") {
    const stepBytes = numberParam(rule, "bytes", 64);
    const step = (from: number): void => {
      if (from >= text.length) {
        response.end();
        return;
      }
      response.write(text.subarray(from, from + stepBytes));
      world.clock.at(world.clock.now() + numberParam(rule, "interval_ms", 50), () => {
        step(from + stepBytes);
      });
    };
    step(0);
    return;
  }
  response.write(text.subarray(0, half));
  // A cut ends the connection short of its content-length; a stall just never goes on.
  if (rule.action === "cut_body") setImmediate(() => exchange.request.socket.destroy());
};
