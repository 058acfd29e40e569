/** `/_sim/*`: the other side of the simulator, for tests and operators. No key is asked for; it listens on loopback. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { readSmallBody } from "../body.ts";
import { errorKinds } from "../fault-errors.ts";
import { isObject } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type { World } from "../world.ts";
import { changeBehaviour } from "./behaviour.ts";
import { addFaults, changeClock, changeLimits } from "./changes.ts";

const bodyBytesMax = 1024 * 1024;
const pageItems = { standard: 1_000, most: 10_000 } as const;

/** Answers one control request. A wrong body is a 400 with `{error}` that names the member. */
export const control = async (
  world: World,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const url = new URL(request.url ?? "/", "http://simulator");
  try {
    const body = await bodyOf(request);
    const answer = await route(world, `${request.method ?? "GET"} ${url.pathname.slice("/_sim/".length)}`, {
      query: url.searchParams,
      body,
    });
    send(response, answer === null ? 404 : 200, answer ?? { error: `no such control: ${url.pathname}` });
  } catch (error) {
    send(response, 400, { error: error instanceof Error ? error.message : String(error) });
  }
};

const bodyOf = async (request: IncomingMessage): Promise<unknown> => {
  if (request.method !== "POST") return {};
  const bytes = await readSmallBody(request, bodyBytesMax);
  return bytes.length === 0 ? {} : (JSON.parse(bytes.toString("utf8")) as unknown);
};

interface Call {
  readonly query: URLSearchParams;
  readonly body: unknown;
}

const objectBody = (body: unknown): JsonObject => {
  if (!isObject(body)) throw new Error("the body must be a JSON object");
  return body;
};

const route = async (world: World, name: string, call: Call): Promise<unknown> => {
  switch (name) {
    case "GET health":
      return {
        ok: true,
        profile: world.settings.profile,
        seed: world.settings.seed,
        memory: process.memoryUsage(),
      };
    case "GET invoice":
      return invoiceView(world, call.query);
    case "GET requests":
      return requestsView(world, call.query);
    case "GET faults":
      return { faults: world.faults.list(), error_kinds: errorKinds };
    case "POST faults":
      return { added: addFaults(world, call.body) };
    case "DELETE faults":
      return { removed: world.faults.clear(call.query.has("id") ? Number(call.query.get("id")) : null) };
    case "GET clock":
      return clockView(world);
    case "POST clock":
      await changeClock(world, objectBody(call.body));
      return clockView(world);
    default:
      return routeSettings(world, name, call);
  }
};

const routeSettings = (world: World, name: string, call: Call): unknown => {
  switch (name) {
    case "GET limits":
      return limitsView(world);
    case "POST limits":
      changeLimits(world, objectBody(call.body));
      return limitsView(world);
    case "GET behaviour":
      return world.behaviour;
    case "POST behaviour":
      changeBehaviour(world, objectBody(call.body));
      return world.behaviour;
    case "GET batches":
      return { batches: world.batches.all().map((batch) => batchSummary(world, batch.id)) };
    default:
      return null;
  }
};

const clockView = (world: World): JsonObject => ({
  now: world.clock.iso(),
  now_ms: world.clock.now(),
  rate: world.clock.rate,
});

const limitsView = (world: World): JsonObject => ({
  settings: world.limits.settings,
  levels: world.limits.levels(),
  batch: {
    requests: Math.floor(world.limits.batch.level(world.clock.now())),
    queued: world.batches.queued(),
  },
});

/** Wide enough for a referee: who owns it, where it stands, what it has cost so far. */
const batchSummary = (world: World, id: string): JsonObject | null => {
  const batch = world.batches.get(id);
  if (batch === undefined) return null;
  return {
    id,
    workspace: batch.identity.workspace,
    key: batch.identity.keyHash,
    created_at: new Date(batch.createdMs).toISOString(),
    ended_at: batch.endedMs === null ? null : new Date(batch.endedMs).toISOString(),
    canceled: batch.cancel !== null,
    archived: batch.archivedMs !== null,
    lines: batch.customIds.length,
    produced: batch.produced,
    outcomes: batch.tally,
    first_custom_id: batch.customIds[0] ?? null,
    billed_nano: world.invoice.batchNano(id).toString(),
  };
};

const numberOf = (query: URLSearchParams, name: string, fallback: number): number => {
  const value = Number(query.get(name) ?? fallback);
  if (!Number.isInteger(value) || value < 0) throw new Error(`${name}: must be a whole number`);
  return value;
};

const pageOf = (query: URLSearchParams): number =>
  Math.min(pageItems.most, numberOf(query, "limit", pageItems.standard));

const invoiceView = (world: World, query: URLSearchParams): JsonObject => ({
  ...world.invoice.view(),
  ...(query.get("detail") === "1" ? world.invoice.items(numberOf(query, "after", 0), pageOf(query)) : {}),
});

const requestsView = (world: World, query: URLSearchParams): JsonObject =>
  world.log.view({
    path: query.get("path"),
    method: query.get("method"),
    since: numberOf(query, "since", 0),
    limit: pageOf(query),
  });

const send = (response: ServerResponse, status: number, body: unknown): void => {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
};
