// Cleaning of data fields: text of third parties, on its way into a prompt. The model must not receive what a person looking at
// the same text would not see, because that is where hidden instructions travel. The stored input stays as it was sent; cleaning
// happens when the request is rendered.
//
//   removed   control characters except newline and tab; every default-ignorable character (zero-width, bidi marks, overrides and
//             isolates, soft hyphen, fillers, the invisible copies of ASCII at U+E0000, variation selectors); noncharacters
//   kept      a joiner (U+200D, U+200C) where it is spelling: between two emoji, or between letters of a script that joins
//             (Arabic, Indic, …); U+FE0E and U+FE0F directly after an emoji. So "👩‍💻" and "می‌خواهم" survive. A flag made of
//             tag characters (England, Scotland, Wales) becomes the plain black flag: its tags are invisible text
//   replaced  CR LF, CR and the Unicode line separators by a newline; half a surrogate pair by U+FFFD; full-width and small
//             angle brackets by plain ones, so that what looks like a tag reads as one
//
// Look-alike letters of other scripts are left alone: they are visible, and replacing them would damage real names.

/** Text that is certainly clean: printable ASCII, newline, tab. Most text is, and then nothing is copied. */
const plain = /^[\x20-\x7e\n\t]*$/;

const newlines = /\r\n?|[\u0085\u2028\u2029]/g;
const openingBrackets = /[\uff1c\ufe64]/g;
const closingBrackets = /[\uff1e\ufe65]/g;

const joiningScripts = [
  "Arabic",
  "Syriac",
  "Mandaic",
  "Nko",
  "Mongolian",
  "Devanagari",
  "Bengali",
  "Gurmukhi",
  "Gujarati",
  "Oriya",
  "Tamil",
  "Telugu",
  "Kannada",
  "Malayalam",
  "Sinhala",
  "Myanmar",
  "Khmer",
];
const joining = `[${joiningScripts.map((script) => `\\p{Script=${script}}`).join("")}]`;
const emoji = "[\\p{Extended_Pictographic}\\p{Emoji_Modifier}]\\ufe0f?";
const joinerThatSpells = `(?<=${emoji})\\u200d(?=\\p{Extended_Pictographic})|(?<=${joining})[\\u200c\\u200d](?=${joining})`;
const selectorThatSpells = "(?<=\\p{Emoji})[\\ufe0e\\ufe0f]";
const invisible = "[\\p{Cc}\\p{Default_Ignorable_Code_Point}\\p{Noncharacter_Code_Point}\\ufff9-\\ufffb]";

/** First alternative: keep (captured). Second: remove. Newline and tab are controls too and are kept. */
const unseen = new RegExp(`(${joinerThatSpells}|${selectorThatSpells}|[\\n\\t])|${invisible}`, "gu");
const halfPair = /\p{Surrogate}/gu;

/** One text with everything removed or replaced that the table above names. Idempotent. */
export function cleanText(text: string): string {
  if (plain.test(text)) return text;
  return text
    .replace(halfPair, "\ufffd")
    .replace(newlines, "\n")
    .replace(openingBrackets, "<")
    .replace(closingBrackets, ">")
    .replace(unseen, (_match, kept: string | undefined) => kept ?? "");
}

/** Every text inside a JSON value cleaned, names of properties included. Depth is bounded by the check of the input. */
export function cleanValue(value: unknown): unknown {
  if (typeof value === "string") return cleanText(value);
  if (Array.isArray(value)) return value.map(cleanValue);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [cleanText(name), cleanValue(each)]));
}
