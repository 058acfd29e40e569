/** Choosing among labels by the words they share with the text; rare words weigh more than words many labels have. */
import { mix, unit } from "../chance.ts";
import { splitWords, wordsOf } from "./answer-context.ts";
import type { AnswerContext } from "./answer-context.ts";

interface Hit {
  readonly label: number;
  readonly weight: number;
}

export interface LabelMatcher {
  readonly labels: readonly string[];
  readonly index: ReadonlyMap<string, readonly Hit[]>;
}

export const compileLabels = (labels: readonly string[]): LabelMatcher => {
  const split = labels.map((label) => [
    ...new Set(splitWords(label.replace(/([a-z])([A-Z])/g, "$1 $2").replaceAll("_", " "))),
  ]);
  const spread = new Map<string, number>();
  for (const words of split) for (const word of words) spread.set(word, (spread.get(word) ?? 0) + 1);
  const index = new Map<string, Hit[]>();
  for (const [label, words] of split.entries()) {
    for (const word of words) {
      const hits = index.get(word) ?? [];
      hits.push({
        label,
        weight: Math.log(1 + labels.length / (spread.get(word) ?? 1)) / Math.sqrt(words.length),
      });
      index.set(word, hits);
    }
  }
  return { labels, index };
};

/** The best fitting label; without any shared word, one chosen by the text's hash. Notes the fit in the context. */
export const bestLabel = (matcher: LabelMatcher, context: AnswerContext): string => {
  const scores = new Map<number, number>();
  for (const word of new Set(wordsOf(context))) {
    for (const hit of matcher.index.get(word) ?? [])
      scores.set(hit.label, (scores.get(hit.label) ?? 0) + hit.weight);
  }
  let best = Math.floor(unit(context.hash) * matcher.labels.length);
  let high = 0;
  for (const [label, score] of scores) {
    // Ties go by hash: a draw below a thousandth of a point.
    const drawn = score + unit(mix(context.hash, label)) / 1_000;
    if (drawn > high) {
      high = drawn;
      best = label;
    }
  }
  context.fit = Math.min(1, high / 4);
  return matcher.labels[best] ?? "";
};

/** Labels listed in the instructions: "- label" lines, or the first JSON array of strings. */
export const listedLabels = (instructions: string): readonly string[] => {
  const lines = [...instructions.matchAll(/^\s*[-*]\s+([\w-]{2,64})\s*(?::.*)?$/gm)].map(
    (match) => match[1] ?? "",
  );
  if (lines.length > 1) return lines;
  const array = /\[\s*"[^\]]{1,20000}\]/.exec(instructions)?.[0];
  return array === undefined ? [] : [...array.matchAll(/"([^"]{1,64})"/g)].map((match) => match[1] ?? "");
};
