/**
 * A string that fits a regular expression, for the `pattern` keyword: literals, classes, escapes, groups, alternatives
 * and counts. What it does not know (look-arounds, back references) makes the caller fall back.
 */
import { between, mix } from "../chance.ts";

interface Cursor {
  readonly source: string;
  readonly hash: number;
  at: number;
  draws: number;
}

const repeatsMax = 3;

/** Null when no string could be made that the pattern accepts. */
export const textForPattern = (pattern: string, hash: number): string | null => {
  try {
    const cursor: Cursor = { source: pattern, hash, at: 0, draws: 0 };
    const text = alternatives(cursor);
    return new RegExp(pattern, "u").test(text) ? text : null;
  } catch {
    return null;
  }
};

const chosen = (cursor: Cursor, count: number): number => {
  cursor.draws += 1;
  return between(mix(cursor.hash, cursor.draws), 0, count - 1);
};

const alternatives = (cursor: Cursor): string => {
  const options = [sequence(cursor)];
  while (cursor.source[cursor.at] === "|") {
    cursor.at += 1;
    options.push(sequence(cursor));
  }
  return options[chosen(cursor, options.length)] ?? "";
};

const sequence = (cursor: Cursor): string => {
  let text = "";
  while (
    cursor.at < cursor.source.length &&
    cursor.source[cursor.at] !== "|" &&
    cursor.source[cursor.at] !== ")"
  ) {
    const start = cursor.at;
    const piece = atom(cursor);
    const end = cursor.at;
    const times = count(cursor);
    const after = cursor.at;
    for (let round = 0; round < times; round += 1) {
      // Parsed again for every repetition, so that each draws its own characters.
      cursor.at = start;
      text += round === 0 ? piece : atom(cursor);
      cursor.at = end;
    }
    cursor.at = after;
  }
  return text;
};

const atom = (cursor: Cursor): string => {
  const char = cursor.source[cursor.at] ?? "";
  cursor.at += 1;
  if (char === "^" || char === "$") return "";
  if (char === "(") return group(cursor);
  if (char === "[") return oneOf(cursor, charClass(cursor));
  if (char === "\\") return oneOf(cursor, escape(cursor));
  return char === "." ? oneOf(cursor, lowerCase) : char;
};

const group = (cursor: Cursor): string => {
  if (cursor.source[cursor.at] === "?") {
    if (cursor.source[cursor.at + 1] !== ":") throw new Error("unsupported group");
    cursor.at += 2;
  }
  const text = alternatives(cursor);
  cursor.at += 1;
  return text;
};

const lowerCase = "abcdefghijklmnopqrstuvwxyz";
const digits = "0123456789";
const oneOf = (cursor: Cursor, chars: string): string => chars[chosen(cursor, chars.length)] ?? "";

const escape = (cursor: Cursor): string => {
  const char = cursor.source[cursor.at] ?? "";
  cursor.at += 1;
  if (char === "d") return digits;
  if (char === "w") return lowerCase + digits;
  if (char === "s") return " ";
  if (/[a-zA-Z0-9]/.test(char)) throw new Error("unsupported escape");
  return char;
};

const charClass = (cursor: Cursor): string => {
  if (cursor.source[cursor.at] === "^") throw new Error("unsupported class");
  let chars = "";
  while (cursor.source[cursor.at] !== "]") {
    const char = cursor.source[cursor.at];
    if (char === undefined) throw new Error("open class");
    cursor.at += 1;
    const from = char === "\\" ? escape(cursor) : char;
    const isRange =
      cursor.source[cursor.at] === "-" && cursor.source[cursor.at + 1] !== "]" && from.length === 1;
    if (!isRange) chars += from;
    else {
      const to = cursor.source[cursor.at + 1] ?? from;
      cursor.at += 2;
      for (let code = from.charCodeAt(0); code <= to.charCodeAt(0); code += 1)
        chars += String.fromCharCode(code);
    }
  }
  cursor.at += 1;
  return chars;
};

const count = (cursor: Cursor): number => {
  const rest = cursor.source.slice(cursor.at);
  const braces = /^\{(\d+)(,(\d*))?\}/.exec(rest);
  if (braces !== null) {
    cursor.at += braces[0].length;
    const min = Number(braces[1]);
    const max = braces[2] === undefined ? min : Number(braces[3] === "" ? min + repeatsMax : braces[3]);
    return min + chosen(cursor, Math.min(max, Math.max(min, repeatsMax)) - min + 1);
  }
  const sign = rest[0];
  if (sign !== "*" && sign !== "+" && sign !== "?") return 1;
  cursor.at += 1;
  if (sign === "?") return chosen(cursor, 2);
  return (sign === "+" ? 1 : 0) + chosen(cursor, repeatsMax);
};
