// The jobs of one bulk, prepared: what depends only on the shared input (validation, prompt, schema, byte counts) is computed
// once and kept, so that a line costs its own fields and nothing more. An object of this kind lives as long as somebody works on
// the bulk; it holds no state that an answer could depend on, only memos.

import { boundBytes, inspectContent, turnOverheadTokens, utf8Bytes } from "./bound.ts";
import { invalidOutput, readPlain, readStructured } from "./answer.ts";
import type { Answer } from "./answer.ts";
import { cleanValue } from "./clean.ts";
import { invalid } from "./input-error.ts";
import type { InputError } from "./input-error.ts";
import { buildFrame, requireModel } from "./frame.ts";
import type { Frame } from "./frame.ts";
import { inputReader, refuse } from "./input-reader.ts";
import type { Values } from "./input-reader.ts";
import type { PlainJobType, StructuredJobType } from "./job-type.ts";
import { isNestedDeeper, isRecord, parseRecord } from "./json-value.ts";
import { buildPlainRequest, unboundedErrors, wantsJson } from "./plain-request.ts";
import { requestBytesMax } from "./rendered-request.ts";
import type { RenderedRequest } from "./rendered-request.ts";
import type { Template } from "./template.ts";
import type { Variation } from "./variation.ts";

export type CheckedInput =
  | {
      readonly ok: true;
      /** Canonical JSON text of the line's own validated input, without what the bulk shares: this is what to store. */
      readonly input: string;
      /** Rendered with the serving version. */
      readonly request: RenderedRequest;
    }
  | { readonly ok: false; readonly errors: InputError[] };

export interface PreparedJobs {
  /** Validates the input of one line and renders it. */
  check(input: unknown): CheckedInput;
  /**
   * Renders a stored input with a prompt version, varied where that is asked for. Byte for byte the same every time. Throws for a version
   * that does not exist, and where further turns hold what has no bound.
   */
  render(input: string, version: number, variation?: Variation): RenderedRequest;
  /** Reads the provider's Message for a stored input. `turns`: what it continues; its content and theirs are one answer. */
  readAnswer(input: string, message: unknown, turns?: readonly string[]): Answer;
}

/** Templates by prompt version, compiled. */
export type Templates = ReadonlyMap<number, Template>;

export function prepareStructured(
  definition: StructuredJobType,
  setup: { templates: Templates; serving: number; shared: Values },
): PreparedJobs {
  const { templates, serving, shared } = setup;
  const read = inputReader(definition, shared);
  const names = Object.keys(definition.fields);
  const dataNames = names.filter((name) => definition.fields[name]?.trust === "data");
  const instructionNames = names.filter((name) => definition.fields[name]?.trust === "instruction");
  const model = requireModel(definition.model);
  const traits = { cacheWrite: "none", mayRunInUs: model.inferenceGeo, webSearchesMax: 0 } as const;
  const frameOf = frameMemo(definition, templates, {
    shared,
    instructionNames,
    hasData: dataNames.length > 0,
  });

  function build(own: Values, version: number, variation: Variation = {}): RenderedRequest {
    const { maxTokens = definition.maxTokens, turns = [] } = variation;
    const frame = frameOf(own, version, maxTokens);
    const data = dataNames.length > 0 ? dataJson(dataNames, own, shared) : "";
    const more = turns.map((turn) => `,${turn}`).join("");
    return {
      params: frame.head + data + behind(frame.tail, more),
      bytes: frame.bytes + utf8Bytes(data) + utf8Bytes(more),
      model: definition.model,
      version,
      inputTokensMax:
        frame.tokensMax + boundBytes(data) + boundBytes(more) + turns.length * turnOverheadTokens,
      outputTokensMax: maxTokens,
      traits,
      toolRounds: turns.length,
      serverToolUses: 0,
      batchable: model.batch,
    };
  }

  return {
    check(input) {
      const result = read(input);
      return result.ok ? withinSize(result.text, build(result.own, serving)) : result;
    },
    render: (input, version, variation) => build(parseRecord(input), version, variation),
    readAnswer(input, message, turns = []) {
      const own = parseRecord(input);
      const { checks } = definition;
      const { schema } = frameOf(own, serving, definition.maxTokens);
      return readStructured(joined(message, turns), schema, (output, envelope) =>
        checks === undefined ? null : checks({ ...shared, ...own }, output, envelope),
      );
    },
  };
}

export function preparePlain(
  definition: PlainJobType,
  setup: { serving: number; shared: Values; serverToolUsesMax: number | undefined },
): PreparedJobs {
  const { serving, shared, serverToolUsesMax } = setup;
  const read = inputReader(definition, shared);
  const paramsOf = (own: Values): Values => definition.render({ ...shared, ...own });
  const declared = { inputTokensMax: definition.inputTokensMax, serverToolUsesMax };
  return {
    check(input) {
      const result = read(input);
      if (!result.ok) return betterReason(input, shared) ?? result;
      const built = buildPlainRequest(paramsOf(result.own), serving, declared);
      return built.ok ? withinSize(result.text, built.request) : built;
    },
    render(input, version, variation) {
      const built = buildPlainRequest(paramsOf(parseRecord(input)), version, declared, variation);
      // It was checked with the same rules when it was accepted; if rules have become stricter since, that is a bug here.
      if (!built.ok)
        throw new Error(`job type ${definition.name} no longer renders an input it has accepted`);
      return built.request;
    },
    readAnswer(input, message, turns = []) {
      // The answer goes into a row and out as JSON again; nesting that readers overflow on ends here.
      if (isNestedDeeper(message, answerNestingMax)) return invalidOutput("message: nested too deeply");
      return readPlain(joined(message, turns), wantsJson(paramsOf(parseRecord(input))));
    },
  };
}

/** The tail of a request with further turns in its last list. */
const behind = (tail: string, turns: string): string =>
  turns === "" ? tail : tail.slice(0, -messagesEnd.length) + turns + messagesEnd;
const messagesEnd = "]}";

/** A message as if it had come whole: with what it continues in front of it. */
function joined(message: unknown, turns: readonly string[]): unknown {
  if (turns.length === 0 || !isRecord(message) || !Array.isArray(message["content"])) return message;
  const before = turns.flatMap((turn) => {
    const content = parseRecord(turn)["content"];
    return Array.isArray(content) ? (content as unknown[]) : [];
  });
  return { ...message, content: [...before, ...(message["content"] as unknown[])] };
}

/** An answer may quote an input of the deepest kind inside a tool call, with the levels of the message around it. */
const answerNestingMax = 128;

/**
 * The frame for a line: the one of the bulk, or the last one seen where lines bring instruction values of their own. One is kept for
 * the declared cap and one for the cap of attempts at present: each line that is varied is rendered as accepted first.
 */
function frameMemo(
  definition: StructuredJobType,
  templates: Templates,
  fields: { shared: Values; instructionNames: readonly string[]; hasData: boolean },
): (own: Values, version: number, maxTokens: number) => Frame {
  const memo = new Map<string, { key: string; frame: Frame }>();
  return (own, version, maxTokens) => {
    const brings = fields.instructionNames.filter((name) => own[name] !== undefined);
    const key =
      brings.length === 0
        ? String(maxTokens)
        : JSON.stringify([maxTokens, ...brings.map((name) => [name, own[name]])]);
    const place = `${version} ${maxTokens === definition.maxTokens ? "declared" : "varied"}`;
    const known = memo.get(place);
    if (known?.key === key) return known.frame;
    const template = templates.get(version);
    if (template === undefined)
      throw new Error(`job type ${definition.name} has no prompt version ${version}`);
    const values = pick(fields.instructionNames, own, fields.shared);
    const frame = buildFrame(definition, template, values, { hasData: fields.hasData, maxTokens });
    memo.set(place, { key, frame });
    return frame;
  };
}

/** The content of the tool result, as a JSON string literal whose text is itself JSON. */
function dataJson(names: readonly string[], own: Values, shared: Values): string {
  return JSON.stringify(JSON.stringify(cleanValue(pick(names, own, shared))));
}

/** The named fields in the order of the definition, absent ones left out. */
function pick(names: readonly string[], own: Values, shared: Values): Values {
  const values: Values = {};
  for (const name of names) {
    const value = Object.hasOwn(own, name) ? own[name] : shared[name];
    if (value !== undefined) values[name] = value;
  }
  return values;
}

function withinSize(input: string, request: RenderedRequest): CheckedInput {
  if (request.bytes <= requestBytesMax) return { ok: true, input, request };
  return refuse([
    invalid("", `makes a request of ${request.bytes} bytes; the provider takes ${requestBytesMax}`),
  ]);
}

/** A schema that knows bounded content only calls the rest invalid. What it is then refused for is that it has no bound. */
function betterReason(input: unknown, shared: Values): CheckedInput | null {
  if (!isRecord(input) || isNestedDeeper(input)) return null;
  const errors = unboundedErrors(inspectContent({ ...shared, ...input }));
  return errors.length > 0 ? refuse(errors) : null;
}
