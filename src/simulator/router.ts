/** One request from its first byte to its last: log, identify, route, answer, whatever goes wrong on the way. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { ApiError, notFound } from "./api-error.ts";
import { apiVersionOf, identify } from "./auth.ts";
import { createBatch } from "./batches/create.ts";
import { cancelBatchById, deleteBatch, listBatches, retrieveBatch } from "./batches/endpoints.ts";
import { streamResults } from "./batches/results.ts";
import { Abandoned, replyError } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";
import { requestLimitHeaders } from "./limit-headers.ts";
import { countMessageTokens } from "./messages/count-tokens.ts";
import { createMessage } from "./messages/create.ts";
import { listModels, retrieveModel } from "./models-endpoint.ts";
import { costReport } from "./cost-report.ts";
import { usageReport } from "./usage-report.ts";
import type { World } from "./world.ts";

type Handler = (exchange: Exchange, id: string) => Promise<void>;

interface Route {
  /** How counts and the log name it. */
  readonly endpoint: string;
  readonly run: Handler;
  readonly isBatch: boolean;
}

const fixed: ReadonlyMap<string, Route> = new Map([
  ["POST /v1/messages", { endpoint: "POST /v1/messages", run: createMessage, isBatch: false }],
  [
    "POST /v1/messages/count_tokens",
    { endpoint: "POST /v1/messages/count_tokens", run: countMessageTokens, isBatch: false },
  ],
  ["POST /v1/messages/batches", { endpoint: "POST /v1/messages/batches", run: createBatch, isBatch: true }],
  ["GET /v1/messages/batches", { endpoint: "GET /v1/messages/batches", run: listBatches, isBatch: true }],
  [
    "GET /v1/organizations/cost_report",
    { endpoint: "GET /v1/organizations/cost_report", run: costReport, isBatch: false },
  ],
  [
    "GET /v1/organizations/usage_report/messages",
    { endpoint: "GET /v1/organizations/usage_report/messages", run: usageReport, isBatch: false },
  ],
  ["GET /v1/models", { endpoint: "GET /v1/models", run: listModels, isBatch: false }],
]);

const withId: readonly (readonly [RegExp, Route])[] = [
  [
    /^GET \/v1\/messages\/batches\/([^/]+)$/,
    { endpoint: "GET /v1/messages/batches/{id}", run: retrieveBatch, isBatch: true },
  ],
  [
    /^GET \/v1\/messages\/batches\/([^/]+)\/results$/,
    { endpoint: "GET /v1/messages/batches/{id}/results", run: streamResults, isBatch: true },
  ],
  [
    /^POST \/v1\/messages\/batches\/([^/]+)\/cancel$/,
    { endpoint: "POST /v1/messages/batches/{id}/cancel", run: cancelBatchById, isBatch: true },
  ],
  [
    /^DELETE \/v1\/messages\/batches\/([^/]+)$/,
    { endpoint: "DELETE /v1/messages/batches/{id}", run: deleteBatch, isBatch: true },
  ],
  [/^GET \/v1\/models\/([^/]+)$/, { endpoint: "GET /v1/models/{id}", run: retrieveModel, isBatch: false }],
];

const findRoute = (name: string): { route: Route; id: string } | null => {
  const route = fixed.get(name);
  if (route !== undefined) return { route, id: "" };
  for (const [pattern, found] of withId) {
    const id = pattern.exec(name)?.[1];
    if (id !== undefined) return { route: found, id: decodeURIComponent(id) };
  }
  return null;
};

const nobody = { keyHash: "", workspace: "" };

export const handle = async (
  world: World,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const url = request.url ?? "/";
  const mark = url.indexOf("?");
  const path = mark < 0 ? url : url.slice(0, mark);
  const method = request.method ?? "GET";
  const found = findRoute(`${method} ${path}`);
  const requestId = world.ids.request();
  const retryCount = Number(request.headers["x-stainless-retry-count"] ?? 0);
  const entry = world.log.begin({
    requestId,
    method,
    path,
    endpoint: found?.route.endpoint ?? "unknown",
    retryCount,
  });
  response.on("close", () => {
    world.log.end(entry, response.writableFinished ? "answered" : "broken");
  });
  const query = new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1));
  const exchange: Exchange = {
    world,
    request,
    response,
    requestId,
    method,
    path,
    query,
    entry,
    identity: nobody,
    version: "2026-10-21",
    headers: {},
  };
  try {
    await serve(exchange, found);
  } catch (error) {
    fail(exchange, error);
  }
};

const serve = async (exchange: Exchange, found: { route: Route; id: string } | null): Promise<void> => {
  const { world, request } = exchange;
  exchange.identity = identify(request, world.settings);
  exchange.entry.keyHash = exchange.identity.keyHash;
  if (found === null) throw notFound("Not found");
  exchange.version = apiVersionOf(request, world.settings);
  if (found.route.isBatch) {
    requestLimitHeaders(exchange.headers, world.limits.batch, world.clock.now());
    world.limits.admitOne(world.limits.batch, "batch requests");
  }
  await found.route.run(exchange, found.id);
};

/** The request body may still be arriving: it is read to its end or the connection is given up, never left half-read. */
const fail = (exchange: Exchange, error: unknown): void => {
  const { request, response } = exchange;
  if (error instanceof Abandoned || (request.destroyed && !request.complete)) return;
  const known =
    error instanceof ApiError
      ? error
      : new ApiError({ status: 500, type: "api_error", message: `Internal server error: ${String(error)}` });
  if (response.headersSent) {
    request.socket.destroy();
    return;
  }
  replyError(exchange, known);
  if (!request.complete) request.resume();
};
