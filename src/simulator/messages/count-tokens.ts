/** POST /v1/messages/count_tokens: free, with its own request limit; an estimate that ignores caching. */
import { invalidRequest } from "../api-error.ts";
import { hashText, mix, unit } from "../chance.ts";
import { replyWithFaults, takeFault } from "../exchange.ts";
import type { Exchange } from "../exchange.ts";
import { isObject, listOf, textOf } from "../json.ts";
import type { JsonObject } from "../json.ts";
import { requestLimitHeaders } from "../limit-headers.ts";
import { lenientModel, receiveParams } from "./create.ts";
import { checkPromptLength, countPrompt } from "./message.ts";
import type { World } from "../world.ts";
import { checkParams } from "./validate.ts";
import { isServerTool } from "./server-tools.ts";

export const countMessageTokens = async (exchange: Exchange): Promise<void> => {
  const { world } = exchange;
  const { params, text, model: modelId } = await receiveParams(exchange);
  const setting = { lane: "realtime", version: exchange.version, counting: true } as const;
  const model = world.settings.strict ? checkParams(world, params, setting) : lenientModel(params);
  if (world.settings.strict) checkCountable(params);
  requestLimitHeaders(exchange.headers, world.limits.countTokens, world.clock.now());
  world.limits.admitOne(world.limits.countTokens, "token counting requests");
  const input = countPrompt(world, params, model);
  if (world.settings.strict) checkPromptLength(input, model);
  replyWithFaults(
    exchange,
    { input_tokens: estimateOf(world, input.tokens, text()) },
    takeFault(exchange, "reply", { model: modelId, text }),
  );
};

/** Counts are estimates: a share of the bill that the text decides, so that counting it again says the same. */
const estimateOf = (world: World, tokens: number, text: string): number => {
  const { min, max } = world.behaviour.countShare;
  const share = min + (max - min) * unit(mix(hashText(text, world.settings.seed), 19));
  return Math.max(1, Math.round(tokens * share));
};

const checkCountable = (params: JsonObject): void => {
  const tool = listOf(params["tools"]).find(isServerTool);
  if (isObject(tool))
    throw invalidRequest(
      `tools: Server tools are not supported in the token counting endpoint: ${textOf(tool["type"])}`,
    );
  if (params["mcp_servers"] !== undefined)
    throw invalidRequest("mcp_servers: not supported in the token counting endpoint");
  for (const message of listOf(params["messages"])) {
    for (const block of isObject(message) ? listOf(message["content"]) : []) {
      const source = isObject(block) ? block["source"] : undefined;
      if (isObject(source) && (source["type"] === "url" || source["type"] === "file")) {
        throw invalidRequest(
          "messages: URL and file sources are not supported in the token counting endpoint",
        );
      }
    }
  }
};
