// From a definition and the texts of its prompts to something that runs. Everything that can be wrong with a definition is found
// here, at start, and not by the first job.

import { z } from "zod";
import { caps, continuationsMaxDefault } from "./caps.ts";
import type { Caps } from "./caps.ts";
import { findModel } from "./models.ts";
import type { InputError } from "./input-error.ts";
import { readShared } from "./input-reader.ts";
import type { Values } from "./input-reader.ts";
import { attemptsMaxDefault, callTimeoutMsDefault } from "./job-type.ts";
import type { FieldRule, JobTypeDefinition, StructuredJobType, Urgency } from "./job-type.ts";
import { isRecord, parseRecord } from "./json-value.ts";
import { envelopeFields, toProviderSchema, withEnvelope } from "./output-schema.ts";
import { preparePlain, prepareStructured } from "./prepared-jobs.ts";
import type { PreparedJobs } from "./prepared-jobs.ts";
import { compileTemplate } from "./template.ts";
import type { Template } from "./template.ts";

export interface PromptVersion {
  readonly version: number;
  readonly sha256: string;
  readonly text: string;
}

export interface CompiledJobType {
  readonly name: string;
  readonly owner: string;
  readonly description: string;
  /** Null for a plain type: each input brings its own. */
  readonly model: string | null;
  readonly maxTokens: number | null;
  /** Whether `max_tokens` follows the lengths of answers seen. */
  readonly rightSize: boolean;
  readonly defaultUrgency: Urgency | null;
  readonly expiresAtDeadline: boolean;
  readonly callTimeoutMs: number;
  readonly attemptsMax: number;
  /** With `attemptsMax`, which a queue may replace. */
  readonly caps: Caps;
  /** 0 to 9, or null: the queue's default. */
  readonly priority: number | null;
  readonly fields: Readonly<Record<string, FieldRule>>;
  readonly promptVersions: readonly PromptVersion[];
  readonly servingVersion: number;
  /** JSON text that waiting jobs are answered with while they are stopped; null: they wait. */
  readonly stopAnswer: string | null;
  /** JSON Schema of an input, for the API's documentation. */
  readonly inputJsonSchema: Readonly<Record<string, unknown>>;
  /** JSON Schema of an answer with its envelope; null where it depends on the input or the type is plain. */
  readonly outputJsonSchema: Readonly<Record<string, unknown>> | null;
  /** Validates what a bulk shares, before {@link prepare}. `shared` is the canonical JSON text to store. */
  checkShared(shared: unknown): { ok: true; shared: string } | { ok: false; errors: InputError[] };
  /**
   * Prepares the jobs of one bulk under its caps: what of them stands in its requests is as it was when they were accepted, whatever the
   * type says by now. Absent: those of the type. Throws if `shared` was not accepted by {@link checkShared}.
   */
  prepare(shared: Values | null, caps?: Caps): PreparedJobs;
}

/** Compiles a definition. Throws an Error that names the type and everything wrong with it. */
export function compileJobType(
  definition: JobTypeDefinition,
  prompts: readonly PromptVersion[],
): CompiledJobType {
  const problems = [...commonProblems(definition), ...promptProblems(definition)];
  if (definition.output !== null) problems.push(...structuredProblems(definition));
  const templates = compileTemplates(definition, prompts, problems);
  if (problems.length > 0) throw new Error(`job type ${definition.name}: ${problems.join("; ")}`);

  const servingVersion = definition.serving ?? Math.max(...prompts.map((prompt) => prompt.version));
  return {
    name: definition.name,
    owner: definition.owner,
    description: definition.description,
    ...modelSettingsOf(definition),
    defaultUrgency: definition.defaultUrgency ?? null,
    expiresAtDeadline: definition.expiresAtDeadline ?? false,
    callTimeoutMs: definition.callTimeoutMs ?? callTimeoutMsDefault,
    ...cappedBy(definition),
    priority: definition.priority ?? null,
    fields: definition.fields,
    promptVersions: prompts,
    servingVersion,
    stopAnswer: stopAnswerOf(definition),
    inputJsonSchema: z.toJSONSchema(definition.input, { io: "input", unrepresentable: "any" }),
    outputJsonSchema: isZodObject(definition.output)
      ? toProviderSchema(withEnvelope(definition.output))
      : null,
    checkShared: (shared) => readShared(definition, shared),
    prepare(given, { serverToolUsesMax } = definition.caps ?? {}) {
      const shared = acceptedShared(definition, given);
      return definition.output === null
        ? preparePlain(definition, { serving: servingVersion, shared, serverToolUsesMax })
        : prepareStructured(definition, { templates, serving: servingVersion, shared });
    },
  };
}

function modelSettingsOf(
  definition: JobTypeDefinition,
): Pick<CompiledJobType, "model" | "maxTokens" | "rightSize"> {
  if (definition.output === null) return { model: null, maxTokens: null, rightSize: false };
  const { model, maxTokens, rightSize = false } = definition;
  return { model, maxTokens, rightSize };
}

function cappedBy({ attemptsMax = attemptsMaxDefault, caps: own }: JobTypeDefinition) {
  return { attemptsMax, caps: { continuationsMax: continuationsMaxDefault, ...own, attemptsMax } };
}

function acceptedShared(definition: JobTypeDefinition, given: Values | null): Values {
  const result = readShared(definition, given ?? {});
  if (!result.ok) throw new Error(`job type ${definition.name}: shared input that was not accepted`);
  return parseRecord(result.shared);
}

function commonProblems(definition: JobTypeDefinition): string[] {
  const problems: string[] = [];
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(definition.name) || definition.name.length > 40) {
    problems.push("the name must be lower-case words joined by dashes, at most 40 characters");
  }
  if (definition.owner.trim() === "") problems.push("owner is empty");
  return [
    ...problems,
    ...fieldProblems(definition),
    ...numberProblems(definition),
    ...onStopProblems(definition),
  ];
}

/** One answer for all jobs must be one that the model could have given. */
function onStopProblems({ onStop = "wait", output }: JobTypeDefinition): string[] {
  if (typeof onStop === "string")
    return ["wait", "human"].includes(onStop) ? [] : [`onStop must be "wait", "human" or an answer`];
  if (!isRecord(onStop) || !isRecord(onStop.answer)) return ["onStop.answer must be an object"];
  if (typeof output === "function")
    return ["onStop.answer: the output depends on the input, so no answer fits every job"];
  const parsed = output === null ? undefined : output.safeParse(onStop.answer);
  return parsed?.success === false ? [`onStop.answer does not fit the output: ${parsed.error.message}`] : [];
}

const stopAnswerOf = ({ onStop = "wait" }: JobTypeDefinition): string | null =>
  typeof onStop === "string" ? null : JSON.stringify(onStop.answer);

const trusts: ReadonlySet<string> = new Set(["instruction", "data"]);

function fieldProblems(definition: JobTypeDefinition): string[] {
  const inputNames = Object.keys(definition.input.shape);
  const ruled = Object.keys(definition.fields);
  return [
    ...inputNames
      .filter((name) => !ruled.includes(name))
      .map((name) => `fields lacks the input field ${name}`),
    ...ruled
      .filter((name) => !inputNames.includes(name))
      .map((name) => `fields names ${name}, which is no input field`),
    // Types of other people come unchecked from JavaScript: a misspelt trust would leave the field out of the request.
    ...Object.entries(definition.fields)
      .filter(([, rule]) => !trusts.has(rule.trust))
      .map(([name]) => `the trust of ${name} must be "instruction" or "data"`),
  ];
}

function numberProblems(definition: JobTypeDefinition): string[] {
  const ranges = [
    ["callTimeoutMs", definition.callTimeoutMs, 1, 3_600_000],
    ["attemptsMax", definition.attemptsMax, 1, 20],
    ["inputTokensMax", definition.inputTokensMax, 1, 10_000_000],
    ["priority", definition.priority, 0, 9],
  ] as const;
  const outside = ranges
    .filter(([, value, min, max]) => value !== undefined && !isBetween(value, min, max))
    .map(([name, , min, max]) => `${name} must be ${min} to ${max}`);
  return [...outside, ...capProblems(definition)];
}

function capProblems({ caps: own = {} }: JobTypeDefinition): string[] {
  return Object.entries(own).flatMap(([name, value]) => {
    if (!caps.some((cap) => cap === name && cap !== "attemptsMax"))
      return [
        `caps names ${name}, which is none of ${caps.filter((cap) => cap !== "attemptsMax").join(", ")}`,
      ];
    return value === undefined || isBetween(value, 0, Number.MAX_SAFE_INTEGER)
      ? []
      : [`caps.${name} must be a whole number of at least 0`];
  });
}

function promptProblems(definition: JobTypeDefinition): string[] {
  const problems: string[] = [];
  definition.prompts.forEach((prompt, index) => {
    if (prompt.version !== index + 1) problems.push("prompt versions must be 1, 2, 3, … in order");
  });
  if (definition.prompts.length === 0) problems.push("it needs at least one prompt version");
  if (definition.serving !== undefined && definition.prompts[definition.serving - 1] === undefined) {
    problems.push(`it serves prompt version ${definition.serving}, which does not exist`);
  }
  return problems;
}

function structuredProblems(definition: StructuredJobType): string[] {
  const model = findModel(definition.model);
  if (model === undefined) return [`the model ${definition.model} has no known price`];
  const problems: string[] = [];
  if (!isBetween(definition.maxTokens, 1, model.outputTokensMax)) {
    problems.push(`maxTokens must be 1 to ${model.outputTokensMax} for ${model.id}`);
  }
  if (definition.maxTokens > (definition.caps?.maxTokensMax ?? definition.maxTokens))
    problems.push("maxTokens is above caps.maxTokensMax");
  const thinking = isRecord(definition.thinking) ? definition.thinking["type"] : undefined;
  if (isRecord(definition.thinking) && !model.thinking.some((type) => type === thinking)) {
    problems.push(`${model.id} does not take thinking ${String(thinking)}`);
  }
  // Thinking is output, too: how much of it comes is nothing that earlier answers could say.
  const isSilent = thinking === undefined ? model.thinking.includes("disabled") : thinking === "disabled";
  if (definition.rightSize === true && !isSilent)
    problems.push("rightSize needs a model that does not think");
  return [...problems, ...outputProblems(definition.output)];
}

function outputProblems(output: StructuredJobType["output"]): string[] {
  if (!isZodObject(output)) return [];
  const taken = envelopeFields.filter((name) => Object.hasOwn(output.shape, name));
  if (taken.length > 0)
    return [`the output may not define ${taken.join(" and ")}: every answer has them already`];
  return problemOf(() => toProviderSchema(withEnvelope(output)));
}

/** Only a structured type's prompts are templates; what a plain type keeps there describes its rendering. */
function compileTemplates(
  definition: JobTypeDefinition,
  prompts: readonly PromptVersion[],
  problems: string[],
): ReadonlyMap<number, Template> {
  const templates = new Map<number, Template>();
  if (definition.output === null) return templates;
  const instructionFields = new Set(
    Object.entries(definition.fields).flatMap(([name, rule]) => (rule.trust === "instruction" ? [name] : [])),
  );
  for (const { version, text } of prompts) {
    const found = problemOf(() => templates.set(version, compileTemplate(text.trimEnd(), instructionFields)));
    problems.push(...found.map((problem) => `prompt version ${version}: ${problem}`));
  }
  return templates;
}

function problemOf(act: () => unknown): string[] {
  try {
    act();
    return [];
  } catch (error) {
    return [error instanceof Error ? error.message : "unknown problem"];
  }
}

function isZodObject(output: JobTypeDefinition["output"]): output is z.ZodObject {
  return output !== null && typeof output !== "function";
}

function isBetween(value: number, min: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= min && value <= max;
}
