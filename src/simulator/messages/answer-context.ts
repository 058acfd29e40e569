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
/** Labels are chosen by how a text begins: splitting all of a long one would cost more than everything else. */
const wordCharsMax = 1_500;

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
  context.words ??= splitWords(context.text.slice(0, wordCharsMax));
  return context.words;
};

export const instructionsOf = (context: AnswerContext): string => instructionText(context.params);

/** Lower-case words cut to a stem of five letters, so that "cards" meets "card" and "arrived" meets "arrival". */
export const splitWords = (text: string): readonly string[] => {
  const lower = text.toLowerCase();
  const words: string[] = [];
  let start = 0;
  for (let at = 0; at <= lower.length; at += 1) {
    if (isWordCode(lower.charCodeAt(at))) continue;
    if (at > start) words.push(stemOf(lower, start, at));
    start = at + 1;
  }
  return words;
};

/** Digits, Latin letters, and everything beyond ASCII; past the end the code is NaN. */
const isWordCode = (code: number): boolean =>
  (code >= 97 && code <= 122) || (code >= 48 && code <= 57) || code > 127;

const stemChars = 5;
const pluralS = 115;

const stemOf = (text: string, start: number, end: number): string => {
  const isPlural = end - start > 3 && text.charCodeAt(end - 1) === pluralS;
  return text.slice(start, Math.min(isPlural ? end - 1 : end, start + stemChars));
};
