import { z } from "zod";
import { defineJobType } from "../../src/domain/job-type.ts";
import { cacheControl, textBlock, turn } from "./blocks.ts";
import { checkAgainstModel } from "./model-rules.ts";

const jsonObject = z.record(z.string(), z.json());
const toolName = z.string().regex(/^[a-zA-Z0-9_-]{1,128}$/);

const tool = z.strictObject({
  type: z.literal("custom").optional(),
  name: toolName,
  description: z.string().optional(),
  input_schema: jsonObject,
  strict: z.boolean().optional(),
  cache_control: cacheControl.optional(),
});

const parallel = { disable_parallel_tool_use: z.boolean().optional() };
const toolChoice = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("auto"), ...parallel }),
  z.strictObject({ type: z.literal("any"), ...parallel }),
  z.strictObject({ type: z.literal("tool"), name: toolName, ...parallel }),
  z.strictObject({ type: z.literal("none") }),
]);

const display = { display: z.enum(["summarized", "omitted"]).optional() };
const thinking = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("adaptive"), ...display }),
  z.strictObject({ type: z.literal("enabled"), budget_tokens: z.int().min(1_024), ...display }),
  z.strictObject({ type: z.literal("disabled") }),
  z.strictObject({ type: z.literal("between_tools") }),
]);

const outputConfig = z.strictObject({
  effort: z.enum(["low", "medium", "high", "xhigh", "max"]).optional(),
  format: z.strictObject({ type: z.literal("json_schema"), schema: jsonObject }).optional(),
});

const params = z.strictObject({
  model: z.string().min(1).max(100).describe("A model whose price is known."),
  max_tokens: z
    .int()
    .min(1)
    .describe("Most output tokens, thinking included: the upper bound of what the answer costs."),
  system: z.union([z.string(), z.array(textBlock)]).optional(),
  messages: z.array(turn).min(1).max(10_000),
  stop_sequences: z.array(z.string().min(1).max(1_000)).max(100).optional(),
  tools: z.array(tool).max(500).optional(),
  tool_choice: toolChoice.optional(),
  thinking: thinking.optional(),
  output_config: outputConfig.optional(),
  inference_geo: z.enum(["us", "global"]).optional(),
});

/** Bytes are bounded for the whole request; no field has a limit of its own below that. */
const charsMax = 32_000_000;

export const jobType = defineJobType({
  name: "message",
  owner: "sluice",
  description:
    "Sends Messages parameters as they are given and answers with the content and the stop reason.",
  dir: import.meta.dirname,
  input: params.superRefine(checkAgainstModel),
  fields: {
    model: { trust: "instruction", shareable: true },
    max_tokens: { trust: "instruction", shareable: true },
    system: { trust: "instruction", shareable: true, charsMax },
    messages: { trust: "instruction", charsMax },
    stop_sequences: { trust: "instruction", shareable: true },
    tools: { trust: "instruction", shareable: true, charsMax },
    tool_choice: { trust: "instruction", shareable: true },
    thinking: { trust: "instruction", shareable: true },
    output_config: { trust: "instruction", shareable: true, charsMax },
    inference_geo: { trust: "instruction", shareable: true },
  },
  output: null,
  // Named one by one, so that their order, and with it every byte, does not depend on how the caller wrote them.
  render: (input) => ({
    model: input.model,
    max_tokens: input.max_tokens,
    system: input.system,
    tools: input.tools,
    tool_choice: input.tool_choice,
    thinking: input.thinking,
    output_config: input.output_config,
    stop_sequences: input.stop_sequences,
    inference_geo: input.inference_geo,
    messages: input.messages,
  }),
  prompts: [
    {
      version: 1,
      file: "prompts/v1.md",
      sha256: "4e6bc386d2db96bf3cc29ce06f8194209794890845108b67afebe2bd00c197a9",
    },
  ],
  defaultUrgency: "whenever",
  // The longest answer takes many minutes; a caller who needs it sooner asks for fewer tokens.
  callTimeoutMs: 600_000,
});
