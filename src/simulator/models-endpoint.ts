/** GET /v1/models and /v1/models/{id}: life cycle, limits and capabilities; newest first, retired ones only when asked for. */
import { invalidRequest, notFound } from "./api-error.ts";
import { limitOf, pageOf } from "./batches/endpoints.ts";
import { meetRequestFaults, replyWithFaults, takeFault } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";
import { allModels, findModel, lifecycleOf } from "./models.ts";
import type { Lifecycle, Model } from "./models.ts";
import type { World } from "./world.ts";

const lifecycles: readonly string[] = ["active", "deprecated", "retired"] satisfies Lifecycle[];

const can = (supported: boolean): { supported: boolean } => ({ supported });

const capabilitiesOf = (model: Model): Record<string, unknown> => ({
  batch: can(true),
  citations: can(true),
  code_execution: can(true),
  context_management: {
    supported: true,
    clear_thinking_20251015: can(true),
    clear_tool_uses_20250919: can(true),
    compact_20260112: can(model.adaptive),
  },
  effort: {
    supported: model.adaptive,
    low: can(model.adaptive),
    medium: can(model.adaptive),
    high: can(model.adaptive),
    max: can(model.adaptive),
    xhigh: can(model.denseTokens),
  },
  image_input: can(true),
  pdf_input: can(true),
  server_tools: { supported: true, code_execution: can(true), web_search: can(true) },
  structured_outputs: can(true),
  thinking: {
    supported: true,
    types: {
      adaptive: can(model.adaptive),
      between_tools: can(model.thinkingOff && model.denseTokens),
      disabled: can(model.thinkingOff),
      enabled: can(model.budgetThinking),
    },
  },
});

const timeOf = (day: string | null): string | null => (day === null ? null : `${day}T00:00:00Z`);

const modelView = (world: World, model: Model, id = model.id): Record<string, unknown> => {
  const lifecycle = lifecycleOf(model, world.clock);
  return {
    type: "model",
    id,
    display_name: model.name,
    created_at: timeOf(model.createdAt),
    lifecycle,
    deprecated_at: lifecycle === "active" ? null : timeOf(model.deprecatedAt),
    retires_at: lifecycle === "active" ? null : timeOf(model.retiresAt),
    line: model.line,
    max_input_tokens: model.contextTokens,
    max_tokens: model.outputTokensMax,
    capabilities: capabilitiesOf(model),
  };
};

export const listModels = async (exchange: Exchange): Promise<void> => {
  await meetRequestFaults(exchange);
  const { world, query } = exchange;
  const wanted = [...query.getAll("lifecycle"), ...query.getAll("lifecycle[]")].flatMap((value) =>
    value.split(","),
  );
  const wrong = wanted.find((value) => !lifecycles.includes(value));
  if (wrong !== undefined)
    throw invalidRequest("lifecycle: Input should be 'active', 'deprecated' or 'retired'");
  const shown: readonly string[] = wanted.length > 0 ? wanted : ["active", "deprecated"];
  const models = allModels().filter((model) => shown.includes(lifecycleOf(model, world.clock)));
  const { items, hasMore } = pageOf(models, query, limitOf(query));
  const data = items.map((model) => modelView(world, model));
  const body = { data, has_more: hasMore, first_id: items[0]?.id ?? null, last_id: items.at(-1)?.id ?? null };
  replyWithFaults(exchange, body, takeFault(exchange, "reply"));
};

export const retrieveModel = async (exchange: Exchange, id: string): Promise<void> => {
  await meetRequestFaults(exchange);
  const model = findModel(id) ?? (exchange.world.settings.strict ? undefined : allModels()[0]);
  if (model === undefined) throw notFound(`model: ${id}`);
  replyWithFaults(
    exchange,
    modelView(exchange.world, model, exchange.world.settings.strict ? model.id : id),
    takeFault(exchange, "reply"),
  );
};
