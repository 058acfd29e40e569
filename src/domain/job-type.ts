// A job type says what Sluice knows how to do: which inputs it takes and how far each of them is trusted, how the prompt is made,
// which model answers, what an answer must look like. It is data and pure functions; the loader (src/config/job-types.ts) reads
// its prompt files and compiles it (src/domain/compile.ts).
//
// Two kinds. A *structured* type has an output schema: Sluice builds the request, data fields reach the model only inside a tool
// result, the answer is checked against the schema. A *plain* type (`output: null`) builds Messages parameters itself.

import type { z } from "zod";
import type { Caps } from "./caps.ts";
import type { Abstention } from "./output-schema.ts";

export type Urgency = "now" | "whenever";

/** How one input field is treated. */
export interface FieldRule {
  /**
   * instruction: written by those who run the work, may stand in the prompt. data: text of third parties; cleaned, and shown to
   * the model only inside a tool result.
   */
  readonly trust: "instruction" | "data";
  /** Longest value in UTF-16 units; for lists and objects the length of their JSON. Default {@link fieldCharsMaxDefault}. */
  readonly charsMax?: number;
  /** May be given once for a whole bulk instead of on every line. */
  readonly shareable?: boolean;
}

/** A released prompt. Its file is never edited again: the hash is checked at every start and by a test. */
export interface PromptFile {
  /** 1, 2, 3, … */
  readonly version: number;
  /** Path relative to the definition's folder. */
  readonly file: string;
  /** SHA-256 of the file's bytes, in hex. */
  readonly sha256: string;
}

/** A `thinking` parameter, or `off`: whatever keeps this model from thinking, where anything does. */
export type ThinkingSetting = "off" | Readonly<Record<string, unknown>>;

/** What every structured answer carries beside its own fields. */
export interface Envelope {
  readonly confidence: number;
  readonly abstained: Abstention | null;
}

/**
 * What becomes of waiting jobs while they are stopped. wait: they wait until it is lifted. `answer`: they succeed at once with this
 * answer, decided by nobody (`decided_by: static`). human: goes to a person once there are approvals; until then it waits.
 */
export type OnStop = "wait" | "human" | { readonly answer: Readonly<Record<string, unknown>> };

interface Common {
  /** Lower-case words joined by dashes; part of the public API. */
  readonly name: string;
  /** The person or team who answers for it. */
  readonly owner: string;
  /** One sentence for lists and API documentation. */
  readonly description: string;
  /** Folder of the definition: `import.meta.dirname`. The loader fills it in for types from SLUICE_JOBS_DIR. */
  readonly dir?: string;
  readonly prompts: readonly PromptFile[];
  /** The prompt version that serves; the newest if not given. */
  readonly serving?: number;
  readonly defaultUrgency?: Urgency;
  /** True: a job past its deadline ends `expired` instead of running late. Default false. */
  readonly expiresAtDeadline?: boolean;
  /** Declared maximum of input tokens, for content whose bytes do not bound it. Without it such content is refused. */
  readonly inputTokensMax?: number;
  /** Own deadline of one realtime call. */
  readonly callTimeoutMs?: number;
  /** Most paid or possibly paid attempts. */
  readonly attemptsMax?: number;
  /** What a request or a bulk of this type may not pass; a submission may only make them smaller. See docs/caps.md. */
  readonly caps?: Omit<Caps, "attemptsMax">;
  /** 0 to 9, higher first. */
  readonly priority?: number;
  /** Default `wait`. */
  readonly onStop?: OnStop;
}

interface Structured extends Common {
  readonly model: string;
  readonly maxTokens: number;
  /** Default `off`: short structured answers gain little from thinking and pay for it as output. */
  readonly thinking?: ThinkingSetting;
  /**
   * Sends (and holds) less than `maxTokens` once enough answers have shown how long they are; an answer that is cut by it is asked for
   * once more with `maxTokens`. Only where the model does not think. Default false.
   */
  readonly rightSize?: boolean;
}

/** A definition with its types erased, as the loader and the lanes see it. */
export interface StructuredJobType extends Structured {
  readonly input: z.ZodObject;
  readonly fields: Readonly<Record<string, FieldRule>>;
  readonly output: z.ZodObject | ((instructions: Record<string, unknown>) => z.ZodObject);
  readonly checks?: (
    input: Record<string, unknown>,
    output: Record<string, unknown>,
    envelope: Envelope,
  ) => string | null;
}

export interface PlainJobType extends Common {
  readonly input: z.ZodObject;
  readonly fields: Readonly<Record<string, FieldRule>>;
  readonly output: null;
  /** Non-streaming Messages parameters for a validated input; must depend on nothing else. */
  readonly render: (input: Record<string, unknown>) => Record<string, unknown>;
}

export type JobTypeDefinition = StructuredJobType | PlainJobType;

type Fields<Input extends z.ZodObject> = { readonly [Name in keyof z.infer<Input>]-?: FieldRule };
type Instructions<Input extends z.ZodObject, Rules> = Pick<
  z.infer<Input>,
  keyof z.infer<Input> &
    { [Name in keyof Rules]: Rules[Name] extends { trust: "instruction" } ? Name : never }[keyof Rules]
>;

interface StructuredSource<Input extends z.ZodObject, Rules, Output extends z.ZodObject> extends Structured {
  readonly input: Input;
  readonly fields: Rules;
  /** The answer's own fields; as a function where they depend on the instruction fields (labels given by the caller, say). */
  readonly output: Output | ((instructions: Instructions<Input, Rules>) => Output);
  /** A rule between fields of an answer: null, or a reason in words of its own that never quotes the answer. */
  readonly checks?: (input: z.infer<Input>, output: z.infer<Output>, envelope: Envelope) => string | null;
}

interface PlainSource<Input extends z.ZodObject, Rules> extends Common {
  readonly input: Input;
  readonly fields: Rules;
  readonly output: null;
  readonly render: (input: z.infer<Input>) => Record<string, unknown>;
}

/** What a definition may leave out. */
export const callTimeoutMsDefault = 120_000;
export const attemptsMaxDefault = 5;
export const fieldCharsMaxDefault = 200_000;

export function defineJobType<
  Input extends z.ZodObject,
  const Rules extends Fields<Input>,
  Output extends z.ZodObject,
>(definition: StructuredSource<Input, Rules, Output>): JobTypeDefinition;
export function defineJobType<Input extends z.ZodObject, const Rules extends Fields<Input>>(
  definition: PlainSource<Input, Rules>,
): JobTypeDefinition;
/** Types a definition and hands it on. All checks are the loader's, so that every mistake is reported in one place. */
export function defineJobType(definition: JobTypeDefinition): JobTypeDefinition {
  return definition;
}
