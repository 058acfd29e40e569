/**
 * The checks the API makes on the parameters of a message. In real time they answer at once; in a batch each becomes an
 * errored row. Messages follow the API's own wording, since that is what operators will search for.
 */
import { invalidRequest, notFound } from "../api-error.ts";
import { isObject, listOf, textOf } from "../json.ts";
import type { JsonObject } from "../json.ts";
import { findModel, lifecycleOf } from "../models.ts";
import type { Model } from "../models.ts";
import type { Lane } from "../price.ts";
import type { ApiVersion, World } from "../world.ts";
import { checkConversation } from "./conversation.ts";
import { checkSchema } from "./schema-rules.ts";

export interface Setting {
  readonly lane: Lane;
  readonly version: ApiVersion;
  /** count_tokens takes the same body less max_tokens. */
  readonly counting?: boolean;
}

const known = new Set(
  (
    "model messages max_tokens system stop_sequences stream tools tool_choice container diagnostics inference_geo speed " +
    "service_tier metadata thinking output_config cache_control temperature top_p top_k user_profile_id mcp_servers context_management betas"
  ).split(" "),
);
const sampling = ["temperature", "top_p", "top_k"] as const;
const outputTokensMaxBeta = 300_000;

/** Returns the model, or throws the error the API would answer. */
export const checkParams = (world: World, params: JsonObject, setting: Setting): Model => {
  const model = checkModel(world, params);
  for (const name of Object.keys(params))
    if (!known.has(name)) throw invalidRequest(`${name}: Extra inputs are not permitted`);
  if (setting.counting !== true) checkMaxTokens(params, model, setting);
  checkSampling(params, setting);
  checkStream(params, setting);
  checkConversation(params, model);
  checkThinking(params, model);
  checkTools(params, model);
  checkPlace(params, model, setting);
  checkFormat(world, params);
  return model;
};

const checkModel = (world: World, params: JsonObject): Model => {
  if (params["model"] === undefined) throw invalidRequest("model: Field required");
  if (typeof params["model"] !== "string") throw invalidRequest("model: Input should be a valid string");
  const model = findModel(params["model"]);
  if (model === undefined || lifecycleOf(model, world.clock) === "retired")
    throw notFound(`model: ${params["model"]}`);
  return model;
};

const checkMaxTokens = (params: JsonObject, model: Model, setting: Setting): void => {
  const value = params["max_tokens"];
  if (value === undefined) throw invalidRequest("max_tokens: Field required");
  if (typeof value !== "number" || !Number.isInteger(value))
    throw invalidRequest("max_tokens: Input should be a valid integer");
  const least = setting.lane === "batch" ? 1 : 0;
  if (value < least) throw invalidRequest(`max_tokens: must be greater than or equal to ${least}`);
  const long =
    setting.lane === "batch" &&
    listOf(params["betas"]).some((beta) => textOf(beta).startsWith("output-300k"));
  const most = long ? outputTokensMaxBeta : model.outputTokensMax;
  if (value > most) {
    throw invalidRequest(
      `max_tokens: ${value} > ${most}, which is the maximum allowed number of output tokens for ${textOf(params["model"])}`,
    );
  }
};

const checkSampling = (params: JsonObject, setting: Setting): void => {
  if (setting.version === "2023-06-01") return;
  const name = sampling.find((candidate) => params[candidate] !== undefined);
  if (name !== undefined) throw invalidRequest(`${name}: Extra inputs are not permitted`);
};

const checkStream = (params: JsonObject, setting: Setting): void => {
  if (setting.lane !== "batch") return;
  if (params["stream"] === true)
    throw invalidRequest('"stream=True" is not supported in the Message Batches API');
  if (params["speed"] !== undefined && params["speed"] !== null && params["speed"] !== "standard") {
    throw invalidRequest("speed: fast mode is not supported in the Message Batches API");
  }
};

const budgetTokensMin = 1_024;

const checkThinking = (params: JsonObject, model: Model): void => {
  const thinking = params["thinking"];
  if (thinking === undefined) return;
  if (!isObject(thinking)) throw invalidRequest("thinking: Input should be a valid dictionary");
  const id = textOf(params["model"]);
  const unsupported = (type: string) => invalidRequest(`thinking.type: "${type}" is not supported for ${id}`);
  if (thinking["type"] === "disabled" && !model.thinkingOff) throw unsupported("disabled");
  if (thinking["type"] === "adaptive" && !model.adaptive) throw unsupported("adaptive");
  if (thinking["type"] !== "enabled") return;
  if (!model.budgetThinking) throw unsupported("enabled");
  const budget = thinking["budget_tokens"];
  if (typeof budget !== "number" || budget < budgetTokensMin) {
    throw invalidRequest(
      `thinking.enabled.budget_tokens: Input should be greater than or equal to ${budgetTokensMin}`,
    );
  }
  if (budget >= Number(params["max_tokens"]))
    throw invalidRequest("`max_tokens` must be greater than `thinking.budget_tokens`.");
};

const toolName = /^[a-zA-Z0-9_-]{1,128}$/;

const checkTools = (params: JsonObject, model: Model): void => {
  const names = listOf(params["tools"]).map((tool, index) => {
    const name = isObject(tool) ? tool["name"] : undefined;
    if (typeof name !== "string") throw invalidRequest(`tools.${index}.custom.name: Field required`);
    if (!toolName.test(name))
      throw invalidRequest(
        `tools.${index}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'`,
      );
    return name;
  });
  if (new Set(names).size !== names.length) throw invalidRequest("tools: Tool names must be unique.");
  const choice = params["tool_choice"];
  if (!isObject(choice)) return;
  if (names.length === 0)
    throw invalidRequest("tool_choice: tool_choice may only be specified while providing tools");
  const forced = choice["type"] === "any" || choice["type"] === "tool";
  if (forced && !model.forcedTools)
    throw invalidRequest(
      `tool_choice.type: "${String(choice["type"])}" is not supported for ${textOf(params["model"])}`,
    );
  if (choice["type"] === "tool" && !names.includes(textOf(choice["name"]))) {
    throw invalidRequest(`tool_choice: Tool '${textOf(choice["name"])}' not found in provided tools`);
  }
};

const checkPlace = (params: JsonObject, model: Model, setting: Setting): void => {
  const geo = params["inference_geo"];
  if (geo !== undefined && geo !== null) {
    if (!model.geo) throw invalidRequest(`inference_geo: not supported for ${textOf(params["model"])}`);
    if (geo !== "us" && geo !== "global")
      throw invalidRequest("inference_geo: Input should be 'us' or 'global'");
  }
  if (setting.lane === "realtime" && params["speed"] === "fast") {
    throw invalidRequest(`speed: fast mode is not available for ${textOf(params["model"])}`);
  }
};

const checkFormat = (world: World, params: JsonObject): void => {
  const config = params["output_config"];
  if (!isObject(config) || config["format"] === undefined || config["format"] === null) return;
  const format = config["format"];
  if (!isObject(format) || format["type"] !== "json_schema")
    throw invalidRequest("output_config.format.type: Input should be 'json_schema'");
  if (!isObject(format["schema"])) throw invalidRequest("output_config.format.schema: Field required");
  if (world.settings.schemaStrict) checkSchema(format["schema"], "output_config.format.schema");
};
