/**
 * POST /v1/messages. Order: read, faults that strike before work, check, rate limit, produce and bill, wait the latency, then
 * answer or lose the answer. Producing comes before waiting, so a client that gives up while the model "thinks" has its call
 * on the bill already: an aborted call may cost its full price, and the simulator always says it does.
 */
import { hashText, mix, unit } from "../chance.ts";
import { meetRequestFaults, replyWithFaults, takeFault } from "../exchange.ts";
import type { Exchange } from "../exchange.ts";
import { invalidRequest } from "../api-error.ts";
import { readSmallBody } from "../body.ts";
import { isObject, parseJson, textOf } from "../json.ts";
import type { JsonObject } from "../json.ts";
import { poolLimitHeaders } from "../limit-headers.ts";
import { findModel } from "../models.ts";
import type { Model } from "../models.ts";
import type { World } from "../world.ts";
import { checkSources } from "./media.ts";
import { checkPromptLength, countPrompt, produceMessage } from "./message.ts";
import { streamMessage } from "./stream.ts";
import { endingOf } from "./twist.ts";
import { checkParams } from "./validate.ts";

const bodyBytesMax = 32 * 1024 * 1024;

export interface Received {
  readonly params: JsonObject;
  readonly text: () => string;
  readonly model: string | null;
}

/** The body of a call as JSON, noted in the log, with the faults that come before any work behind it. */
export const receiveParams = async (exchange: Exchange): Promise<Received> => {
  const body = await readSmallBody(exchange.request, bodyBytesMax);
  let known: string | null = null;
  const text = (): string => (known ??= body.toString("utf8"));
  const params = parseJson(body);
  if (!isObject(params))
    throw invalidRequest("Input should be a valid dictionary or object to extract fields from");
  const model = typeof params["model"] === "string" ? params["model"] : null;
  noteCall(exchange, { params, text, model });
  exchange.entry.bodyBytes = body.length;
  await meetRequestFaults(exchange, { lane: "realtime", model, text });
  return { params, text, model };
};

const markerPattern = /sim-marker:([\w.-]{1,64})/;

const noteCall = (exchange: Exchange, received: Received): void => {
  const { entry } = exchange;
  const { params, text } = received;
  entry.model = received.model;
  entry.bodyHash = hashText(text()).toString(16).padStart(8, "0");
  const user = isObject(params["metadata"]) ? textOf(params["metadata"]["user_id"]).slice(0, 128) : "";
  entry.marker = user === "" ? (markerPattern.exec(text())?.[1] ?? null) : user;
};

export const createMessage = async (exchange: Exchange): Promise<void> => {
  const { world } = exchange;
  const { params, text, model: modelId } = await receiveParams(exchange);
  const model = world.settings.strict
    ? checkParams(world, params, { lane: "realtime", version: exchange.version })
    : lenientModel(params);
  const input = countPrompt(world, params, model);
  if (world.settings.strict) {
    checkPromptLength(input, model);
    checkSources(params);
  }
  const pool = world.limits.pool(model.pool);
  poolLimitHeaders(exchange.headers, pool, world.clock.now());
  world.limits.admit(pool, input.tokens, model.id);
  const subject = { lane: "realtime", model: modelId, text } as const;
  const ending = endingOf(world, takeFault(exchange, "answer", subject), text);
  const { message, usage, nano } = produceMessage(
    world,
    {
      params,
      model,
      lane: "realtime",
      identity: exchange.identity,
      source: exchange.requestId,
      batchId: null,
      ...ending,
    },
    input,
  );
  exchange.entry.billedNano = nano ?? null;
  const inputCounted = usage.inputTokens + usage.write5mTokens + usage.write1hTokens;
  world.limits.settle(pool, input.tokens, { inputCounted, output: usage.outputTokens });
  poolLimitHeaders(exchange.headers, pool, world.clock.now());
  await world.clock.wait(latencyMs(world, exchange));
  const lost = takeFault(exchange, "reply", subject);
  if (params["stream"] === true) await streamMessage(exchange, message, lost);
  else replyWithFaults(exchange, message, lost);
};

/** Uniform between the bounds, drawn from the place of the request in the log. */
const latencyMs = (world: World, exchange: Exchange): number => {
  const { min, max } = world.behaviour.latencyMs;
  return max <= 0 ? 0 : min + unit(mix(world.settings.seed, exchange.entry.number)) * (max - min);
};

const fallback = "claude-sonnet-5";

/** Any model will do where nothing is checked. */
export const lenientModel = (params: JsonObject): Model => {
  const model = findModel(textOf(params["model"])) ?? findModel(fallback);
  if (model === undefined) throw new Error("the fallback model is in the catalogue");
  return model;
};
