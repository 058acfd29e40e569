/**
 * Producing one Message, for a call and for a batch line alike: check, count, cache, answer, bill. The bill is booked here, at
 * the moment the answer exists; what happens to the response afterwards changes nothing about it.
 */
import { hashText, mix, unit } from "../chance.ts";
import { isObject, textOf } from "../json.ts";
import type { JsonObject } from "../json.ts";
import { tooLongPrompt } from "./prompt-limit.ts";
import type { Model } from "../models.ts";
import type { Lane, Usage } from "../price.ts";
import { tokenShare } from "../tokenizer.ts";
import type { Identity, World } from "../world.ts";
import { makeAnswer } from "./answer.ts";
import type { Answer, Twist } from "./answer.ts";
import type { CacheSplit } from "./prompt-cache.ts";
import { measurePrompt } from "./prompt-input.ts";
import type { PromptInput } from "./prompt-input.ts";

export interface MessageRequest {
  readonly params: JsonObject;
  readonly model: Model;
  readonly lane: Lane;
  readonly identity: Identity;
  /** The request id of a call, the custom_id of a line. */
  readonly source: string;
  readonly batchId: string | null;
  readonly twist: Twist | null;
  readonly stretch: number;
}

export interface Produced {
  readonly message: JsonObject;
  readonly usage: Usage;
  /** Undefined when the model has no known price. */
  readonly nano: bigint | undefined;
}

/** Tokens of the prompt as this simulator's seed counts them. */
export const countPrompt = (world: World, params: JsonObject, model: Model): PromptInput => {
  const input = measurePrompt(params, model);
  const share = tokenShare(world.settings.seed, hashText(model.id));
  const scaled = (tokens: number): number => Math.max(1, Math.floor(tokens * share));
  return {
    tokens: scaled(input.tokens),
    prefixes: input.prefixes?.map(({ tokens, hash, ttl }) => ({ tokens: scaled(tokens), hash, ttl })) ?? null,
  };
};

/** Throws the 400 for a prompt that does not fit the model's window. */
export const checkPromptLength = (input: PromptInput, model: Model): void => {
  if (input.tokens > model.contextTokens) throw tooLongPrompt(input.tokens, model.contextTokens);
};

export const produceMessage = (world: World, request: MessageRequest, input: PromptInput): Produced => {
  const split = world.cache.use(input, request.model, request.identity.workspace);
  const answer = makeAnswer(world, {
    params: request.params,
    model: request.model,
    promptTokens: input.tokens,
    twist: request.twist,
    stretch: request.stretch * stretchOf(world, request),
  });
  const usage: Usage = {
    ...split,
    inputTokens: split.inputTokens + answer.resultTokens,
    outputTokens: answer.outputTokens,
    webSearches: answer.webSearches,
  };
  const geo = geoOf(request.params, request.model);
  const nano = bill(world, request, usage, geo);
  return {
    message: messageBody(world, request, {
      answer,
      split: { ...split, inputTokens: usage.inputTokens },
      geo,
    }),
    usage,
    nano,
  };
};

const bill = (world: World, request: MessageRequest, usage: Usage, geo: string): bigint | undefined => {
  const { tokens } = world.log;
  tokens.input += usage.inputTokens;
  tokens.cacheWrite += usage.write5mTokens + usage.write1hTokens;
  tokens.cacheRead += usage.readTokens;
  tokens.output += usage.outputTokens;
  const context = {
    lane: request.lane,
    model: request.model.id,
    geo,
    keyHash: request.identity.keyHash,
    workspace: request.identity.workspace,
    batchId: request.batchId,
  };
  return world.invoice.bill({ context, source: request.source, usage });
};

const geoOf = (params: JsonObject, model: Model): string => {
  if (!model.geo) return "not_available";
  return params["inference_geo"] === "us" ? "us" : "global";
};

/** A log-normal factor by the request's own hash; 1 when answers are not stretched. */
const stretchOf = (world: World, request: MessageRequest): number => {
  const sigma = world.behaviour.outputSigma;
  if (sigma <= 0) return 1;
  const hash = hashText(request.source, world.settings.seed);
  const normal = Math.sqrt(-2 * Math.log(1 - unit(hash))) * Math.cos(2 * Math.PI * unit(mix(hash, 1)));
  return Math.exp(sigma * normal);
};

interface Parts {
  readonly answer: Answer;
  readonly split: CacheSplit;
  readonly geo: string;
}

const messageBody = (world: World, request: MessageRequest, parts: Parts): JsonObject => ({
  id: world.ids.message(),
  type: "message",
  role: "assistant",
  model: textOf(request.params["model"]),
  content: parts.answer.content,
  stop_reason: parts.answer.stopReason,
  stop_sequence: parts.answer.stopSequence,
  stop_details: parts.answer.stopDetails,
  container: null,
  diagnostics: isObject(request.params["diagnostics"]) ? { cache_miss_reason: null } : null,
  usage: usageBody(request, parts),
});

const usageBody = (request: MessageRequest, { answer, split, geo }: Parts): JsonObject => ({
  input_tokens: split.inputTokens,
  cache_creation_input_tokens: split.write5mTokens + split.write1hTokens,
  cache_read_input_tokens: split.readTokens,
  cache_creation: {
    ephemeral_5m_input_tokens: split.write5mTokens,
    ephemeral_1h_input_tokens: split.write1hTokens,
  },
  output_tokens: answer.outputTokens,
  output_tokens_details: { thinking_tokens: answer.thinkingTokens },
  server_tool_use:
    answer.webSearches === 0 ? null : { web_search_requests: answer.webSearches, web_fetch_requests: 0 },
  service_tier: request.lane === "batch" ? "batch" : "standard",
  speed: "standard",
  inference_geo: geo,
});
