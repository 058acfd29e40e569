/** What an answer may draw on: the data text, its words, and a hash that makes every choice repeatable. */
import { hashText, mix } from "../chance.ts";
import { dataText, instructionText } from "./prompt-input.ts";
import type { JsonObject } from "../json.ts";

export type Abstention = "uncertain" | "out_of_scope" | "ambiguous" | "no_answer";

export interface AnswerContext {
  readonly params: JsonObject;
  readonly text: string;
  readonly hash: number;
  /** Set when there is nothing in the text to answer about. */
  readonly abstained: Abstention | null;
  /** How well the last label fitted, 0 to 1; colours `confidence`. */
  fit: number;
  /** Depth of `$ref`, which may be recursive. */
  depth: number;
  words: readonly string[] | null;
}

const textCharsMax = 8_000;

/** The same seed and the same text give the same answer, whatever the rest of the request says. */
export const answerContext = (params: JsonObject, seed: number): AnswerContext => {
  const text = dataText(params).slice(0, textCharsMax);
  const hash = hashText(text, seed);
  return { params, text, hash, abstained: abstentionOf(text), fit: 0.5, depth: 0, words: null };
};

const abstentionOf = (text: string): Abstention | null => {
  if (text.trim() === "") return "no_answer";
  return /\p{L}{2}/u.test(text) ? null : "uncertain";
};

/** A hash for one field of the answer. */
export const fieldHash = (context: AnswerContext, name: string): number => mix(context.hash, hashText(name));

export const wordsOf = (context: AnswerContext): readonly string[] => {
  context.words ??= splitWords(context.text);
  return context.words;
};

export const instructionsOf = (context: AnswerContext): string => instructionText(context.params);

/** Lower-case words cut to a stem of five letters, so that "cards" meets "card" and "arrived" meets "arrival". */
export const splitWords = (text: string): readonly string[] =>
  (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).map((word) =>
    word.replace(/(?<=..)s$/, "").slice(0, stemChars),
  );

const stemChars = 5;
