// Finds phrases in large texts: what must not be there. Both are taken as sequences of words, so that escapes, quotes and line
// breaks between them do not hide one; and every run of six words of a sentence is looked for, so that a part of it is found too.

/** Words in a row that are a leak whatever they are. */
const runWords = 6;

/** The words of a text, escapes of JSON undone. */
function wordsOf(text: string): string[] {
  const plain = text
    .replaceAll(/\\u([0-9a-f]{4})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    .replaceAll(/\\./g, " ");
  return plain.match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** Every run of six words of the sentences; those of shorter ones whole. */
export function runsOf(sentences: readonly string[]): string[] {
  return sentences.flatMap((sentence) => {
    const words = wordsOf(sentence);
    if (words.length <= runWords) return [words.join(" ")];
    return words.slice(runWords - 1).map((_, at) => words.slice(at, at + runWords).join(" "));
  });
}

/** A finder of these phrases: answers those that stand in a text, each once. */
export function createFinder(phrases: readonly string[]): (text: string) => string[] {
  const byFirst = new Map<string, { words: readonly string[]; phrase: string }[]>();
  for (const phrase of new Set(phrases)) {
    const words = wordsOf(phrase);
    const [first] = words;
    if (first === undefined) continue;
    const known = byFirst.get(first);
    if (known === undefined) byFirst.set(first, [{ words, phrase }]);
    else known.push({ words, phrase });
  }
  return (text) => {
    const found = new Set<string>();
    const tokens = wordsOf(text);
    for (const [at, token] of tokens.entries())
      for (const { words, phrase } of byFirst.get(token) ?? [])
        if (words.every((word, n) => tokens[at + n] === word)) found.add(phrase);
    // Numbers beside each other are no date: without a letter a phrase counts only as it was written.
    return [...found].filter((phrase) => /\p{L}/u.test(phrase) || text.includes(phrase));
  };
}
