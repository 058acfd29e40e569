// Two properties that a JSON value must have before anything else is done with it: it is not nested beyond what recursion can
// take, and its text is well-formed. JavaScript strings may hold half a surrogate pair and JSON.stringify passes it on as an
// escape, which the provider answers with a 400: inside a message batch that one line would take the others with it.

/** Deepest nesting of an input. Chosen far above any real input and far below where recursive readers overflow. */
export const nestingMax = 64;

/** Whether a value is nested deeper than `levels`; stops looking at the first proof. */
export function isNestedDeeper(value: unknown, levels: number = nestingMax): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  for (const each of Array.isArray(value) ? value : Object.values(value)) {
    if (isNestedDeeper(each, levels - 1)) return true;
  }
  return false;
}

/** An object that is not an array: what an input has to be. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object that a JSON text written by ourselves holds. Throws for anything else: then it was not written by us. */
export function parseRecord(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text);
  if (!isRecord(value)) throw new Error("a stored JSON text does not hold an object");
  return value;
}

// JSON.stringify writes half a surrogate pair as \ud8xx to \udfxx in lower case. A backslash in the text itself is written
// twice and can look the same, which costs a walk and changes nothing.
const escapedHalfPair = /\\ud[89a-f]/;
const halfPair = /\p{Surrogate}/gu;

/** The JSON text of a value, with every half surrogate pair replaced by U+FFFD. */
export function toJson(value: unknown): string {
  const text = JSON.stringify(value);
  return escapedHalfPair.test(text) ? JSON.stringify(repair(value)) : text;
}

function repair(value: unknown): unknown {
  if (typeof value === "string") return value.replace(halfPair, "\ufffd");
  if (Array.isArray(value)) return value.map(repair);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [repair(name), repair(each)]));
}
