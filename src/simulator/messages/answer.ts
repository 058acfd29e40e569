/**
 * The content of an answer and why it stopped. Good answers fit the schema and the text; `twist` names another ending that a
 * fault or a share asked for.
 */
import { hashText, mix, pick, unit } from "../chance.ts";
import { isObject, listOf, objectOf, textOf } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type { Model } from "../models.ts";
import { countTokens, cutToTokens } from "../tokenizer.ts";
import type { World } from "../world.ts";
import { answerContext } from "./answer-context.ts";
import type { AnswerContext } from "./answer-context.ts";
import { gist } from "./facts.ts";
import { compileSchema, schemaOf } from "./schema-answer.ts";
import { isServerTool, searchesOf } from "./server-tools.ts";
import type { Searches } from "./server-tools.ts";

export type Twist =
  | "refusal"
  | "truncate"
  | "pause_turn"
  | "context_exceeded"
  | "thinking_first"
  | "broken_json";

export interface Answer {
  readonly content: readonly JsonObject[];
  readonly stopReason: string;
  readonly stopSequence: string | null;
  readonly stopDetails: JsonObject | null;
  readonly outputTokens: number;
  readonly thinkingTokens: number;
  readonly webSearches: number;
  /** Tokens of search results, billed as input beside the prompt. */
  readonly resultTokens: number;
}

export interface AnswerRequest {
  readonly params: JsonObject;
  readonly model: Model;
  readonly promptTokens: number;
  readonly twist: Twist | null;
  /** Text is stretched by this factor; 1 leaves it. */
  readonly stretch: number;
}

const refusalCategories = ["cyber", "bio", "general_harms"] as const;

const plain = {
  stopSequence: null,
  stopDetails: null,
  thinkingTokens: 0,
  webSearches: 0,
  resultTokens: 0,
} as const;

export const makeAnswer = (world: World, request: AnswerRequest): Answer => {
  const context = answerContext(request.params, world.settings.seed);
  const tokensMax = Number(request.params["max_tokens"] ?? 1_024);
  if (request.twist === "refusal") return refusal(context);
  if (tokensMax === 0) return { ...plain, content: [], stopReason: "max_tokens", outputTokens: 0 };
  const call = toolCall(world, context, request);
  if (call !== null) return call;
  return textAnswer(world, context, request);
};

/** Refusals come as a 200 without content and without output tokens. */
const refusal = (context: AnswerContext): Answer => ({
  ...plain,
  content: [],
  stopReason: "refusal",
  stopDetails: {
    type: "refusal",
    category: pick(context.hash, refusalCategories),
    explanation: "The request was declined.",
  },
  outputTokens: 0,
});

/** What the blocks of one search take of the output. */
const tokensPerUse = 20;

/** A turn that pauses in the middle of its searches: no text yet. */
const pausedAnswer = (searches: Searches, request: AnswerRequest): Answer => ({
  ...plain,
  content: searches.blocks,
  stopReason: "pause_turn",
  outputTokens: Math.min(Number(request.params["max_tokens"] ?? 1_024), searches.count * tokensPerUse),
  webSearches: searches.count,
  resultTokens: searches.inputTokens,
});

const textAnswer = (world: World, context: AnswerContext, request: AnswerRequest): Answer => {
  const tokensMax = Number(request.params["max_tokens"] ?? 1_024);
  const dense = request.model.denseTokens;
  const pauses = request.twist === "pause_turn";
  const choice = toolChoice(request.params);
  const searches = searchesOf(world, context, { params: request.params, pauses, choice });
  if (pauses && searches.count > 0) return pausedAnswer(searches, request);
  const whole = wholeText(context, request);
  const stopped = stopAt(whole, request.params);
  const wanted = countTokens(stopped.text, dense);
  const room = Math.max(1, Math.min(tokensMax, request.model.contextTokens - request.promptTokens));
  const thinking = thinkingOf(context, request, Math.min(room, tokensMax) - wanted);
  const isTwisted = request.twist === "truncate" || request.twist === "context_exceeded";
  const limit = isTwisted ? Math.max(1, Math.min(room, Math.floor(wanted / 2))) : room;
  const cut = wanted > limit;
  const text = cut ? cutToTokens(stopped.text, limit, dense) : stopped.text;
  const outputTokens = (cut ? limit : wanted) + thinking.tokens;
  const block = { type: "text", text, citations: null };
  return {
    content: [...thinking.blocks, ...searches.blocks, ...(text === "" ? [] : [block])],
    stopReason: stopReasonOf(request, { cut, room: room < tokensMax, sequence: stopped.sequence !== null }),
    stopSequence: cut ? null : stopped.sequence,
    stopDetails: null,
    // A truncated answer has used all it was given.
    outputTokens: cut && !isTwisted ? room : outputTokens,
    thinkingTokens: thinking.tokens,
    webSearches: searches.count,
    resultTokens: searches.inputTokens,
  };
};

const stopReasonOf = (
  request: AnswerRequest,
  how: { readonly cut: boolean; readonly room: boolean; readonly sequence: boolean },
): string => {
  if (request.twist === "pause_turn") return "pause_turn";
  if (how.cut)
    return request.twist === "context_exceeded" || (how.room && request.twist === null)
      ? "model_context_window_exceeded"
      : "max_tokens";
  return how.sequence ? "stop_sequence" : "end_turn";
};

const wholeText = (context: AnswerContext, request: AnswerRequest): string => {
  const schema = schemaOf(request.params);
  if (schema === null) return stretched(prose(context), request.stretch);
  const json = JSON.stringify(compileSchema(schema)(context, false));
  return request.twist === "broken_json" ? json.slice(0, -1) : json;
};

const openings = ["In short:", "Here is what I can say.", "To answer directly:", "Looking at this:"] as const;
const closings = [
  "Let me know if you would like more detail.",
  "The rest follows from what you wrote.",
  "Nothing else in the text changes that.",
] as const;

const prose = (context: AnswerContext): string => {
  const about = gist(context.text, 200);
  return `${pick(context.hash, openings)} ${about === "" ? "there is nothing to go on." : `"${about}"`} ${pick(mix(context.hash, 7), closings)}`;
};

const stretched = (text: string, factor: number): string =>
  factor <= 1
    ? text
    : `${text} `
        .repeat(Math.ceil(factor))
        .slice(0, Math.ceil(text.length * factor))
        .trimEnd();

const stopAt = (text: string, params: JsonObject): { text: string; sequence: string | null } => {
  for (const sequence of listOf(params["stop_sequences"])) {
    const at = typeof sequence === "string" && sequence !== "" ? text.indexOf(sequence) : -1;
    if (at >= 0) return { text: text.slice(0, at), sequence: textOf(sequence) };
  }
  return { text, sequence: null };
};

const thinkingTokensMax = 48;
const thought =
  "Let me look at what is asked and which part of the text answers it before I write the result.";

const thinkingOf = (
  context: AnswerContext,
  request: AnswerRequest,
  spareTokens: number,
): { blocks: JsonObject[]; tokens: number } => {
  if (!thinks(context, request) || spareTokens < 2) return { blocks: [], tokens: 0 };
  const dense = request.model.denseTokens;
  const text = cutToTokens(thought, Math.min(thinkingTokensMax, Math.floor(spareTokens / 2)), dense);
  const thinking = request.params["thinking"];
  const hidden = isObject(thinking) && thinking["display"] === "omitted";
  const signature = Buffer.from(hashText(text, context.hash).toString(16).repeat(8)).toString("base64");
  return {
    blocks: [{ type: "thinking", thinking: hidden ? "" : text, signature }],
    tokens: countTokens(text, dense),
  };
};

const thinks = (context: AnswerContext, request: AnswerRequest): boolean => {
  if (request.twist === "thinking_first") return true;
  const thinking = request.params["thinking"];
  const type = isObject(thinking) ? thinking["type"] : undefined;
  if (type === "disabled" || type === "between_tools") return false;
  if (type === "enabled" || type === "adaptive" || request.model.thinksUnasked === "always") return true;
  return request.model.thinksUnasked === "sometimes" && unit(mix(context.hash, 11)) < 0.25;
};

const toolChoice = (params: JsonObject): string => {
  const choice = params["tool_choice"];
  return isObject(choice) ? textOf(choice["type"]) : "auto";
};

const callsTool = (context: AnswerContext, { params, twist }: AnswerRequest): boolean => {
  const how = toolChoice(params);
  if (how === "any" || how === "tool") return true;
  return how === "auto" && twist === null && schemaOf(params) === null && unit(mix(context.hash, 17)) < 0.5;
};

/** Calls a tool when told to, or, left free, about half the time; never under `tool_choice: none` or with an output format. */
const toolCall = (world: World, context: AnswerContext, request: AnswerRequest): Answer | null => {
  const { params } = request;
  const tools = listOf(params["tools"])
    .filter((tool) => isObject(tool))
    .filter((tool) => !isServerTool(tool));
  const [head, ...tail] = tools;
  if (head === undefined || !callsTool(context, request)) return null;
  const wanted = objectOf(params["tool_choice"])["name"];
  const tool = tools.find((candidate) => candidate["name"] === wanted) ?? pick(context.hash, [head, ...tail]);
  const input = isObject(tool["input_schema"]) ? compileSchema(tool["input_schema"])(context, false) : {};
  const outputTokens =
    countTokens(textOf(tool["name"]) + JSON.stringify(input), request.model.denseTokens) + 20;
  const tokensMax = Number(params["max_tokens"] ?? 1_024);
  const block = {
    type: "tool_use",
    id: world.ids.toolUse(),
    name: tool["name"],
    input,
    caller: { type: "direct" },
  };
  if (outputTokens > tokensMax)
    return { ...plain, content: [], stopReason: "max_tokens", outputTokens: tokensMax };
  return { ...plain, content: [block], stopReason: "tool_use", outputTokens };
};
