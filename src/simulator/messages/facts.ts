/** Facts a reader would find in a text: who wrote it, from which company, reachable where. Field names say what is wanted. */

const first = (text: string, pattern: RegExp): string | null => {
  const match = pattern.exec(text);
  return (match?.[1] ?? match?.[0] ?? null)?.trim() ?? null;
};

const capital = String.raw`\p{Lu}[\p{L}'’-]+`;
/** What comes before a name. Written out instead of an i flag, which would make small letters pass for capitals. */
const cues = [
  "[Mm]y name is",
  "[Nn]ame:",
  "I am",
  "I'm",
  "[Tt]his is",
  "[Rr]egards,?",
  "[Cc]heers,?",
  "[Tt]hanks,?",
  "[Bb]est,?",
  "[Ss]igned,?",
  "Mr\\.?",
  "Ms\\.?",
  "Mrs\\.?",
  "Dr\\.?",
].join("|");
const person = new RegExp(String.raw`(?:${cues})\s+(${capital}(?:\s+${capital}){0,2})`, "u");
const personPlain = new RegExp(String.raw`(?<=[\s(])(${capital}\s+${capital})`, "u");
const company = new RegExp(
  String.raw`(${capital}(?:\s+(?:${capital}|&)){0,3}\s+(?:Inc|Ltd|LLC|GmbH|AG|Corp|Corporation|Company|Co|PLC|S\.?A|BV|KG|Bank|Group|Solutions|Systems|Labs))\b`,
  "u",
);
const companyOf = new RegExp(
  String.raw`\b(?:from|at|of|for|company:|with)\s+(${capital}(?:\s+${capital}){0,2})`,
  "u",
);

type Finder = (text: string) => string | null;

const nameOf: Finder = (text) => first(text, person) ?? first(text, personPlain);

const finders: readonly (readonly [RegExp, Finder])[] = [
  [/e-?mail/, (text) => first(text, /[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}/i)],
  [/phone|mobile|tel(ephone)?$|fax/, (text) => first(text, /\+?\d[\d\s().-]{6,17}\d/)],
  [/url|website|link|homepage/, (text) => first(text, /(?:https?:\/\/|www\.)[^\s"'<>]+[^\s"'<>.,)]/)],
  [/iban/, (text) => first(text, /\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{2,4}){3,8}\b/)],
  [/first_?name|given_?name/, (text) => nameOf(text)?.split(/\s+/)[0] ?? null],
  [/last_?name|family_?name|surname/, (text) => nameOf(text)?.split(/\s+/).slice(1).at(-1) ?? null],
  [/company|organi[sz]ation|employer|business/, (text) => first(text, company) ?? first(text, companyOf)],
  [/(^|_)(full_?|contact_?|person_?|customer_?)?name$|person|contact$|author|sender/, nameOf],
  [/zip|postal|postcode/, (text) => first(text, /\b(\d{5}(?:-\d{4})?|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2})\b/)],
  [
    /street|address/,
    (text) =>
      first(
        text,
        /\b\d{1,5}\s+\p{Lu}[\p{L} ]{2,30}\b(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Way|Square)\b/u,
      ),
  ],
  [
    /city|town|country|location|place/,
    (text) => first(text, new RegExp(String.raw`\bin\s+(${capital}(?:\s+${capital})?)`, "u")),
  ],
  [/date|day$|_on$|when/, (text) => first(text, /\b(\d{4}-\d{2}-\d{2}|\d{1,2}[./]\d{1,2}[./]\d{2,4})\b/)],
  [/time$/, (text) => first(text, /\b\d{1,2}:\d{2}(?::\d{2})?\b/)],
  [/currency/, (text) => first(text, /\b(USD|EUR|GBP|CHF|JPY)\b|[$€£]/)],
  [
    /amount|price|total|sum$/,
    (text) => first(text, /[$€£]\s?\d[\d.,]*|\d[\d.,]*\s?(?:USD|EUR|GBP|dollars|euros|pounds)/),
  ],
  [
    /order|invoice|ticket|reference|(^|_)id$|number|account/,
    (text) => first(text, /\b(?:[A-Z]{2,5}-?\d{3,}|#\d{3,}|\d{5,})\b/),
  ],
  [
    /title|role|position|job/,
    (text) => first(text, /\b((?:Head|Director|Manager|VP|Chief|Senior|Lead)\b[\p{L} ]{0,30})/u),
  ],
];

/** True when a field of this name is looked up in the text rather than written. */
export const finderOf = (name: string): Finder | null => {
  const key = name.replace(/([a-z])([A-Z])/g, "$1_$2").toLowerCase();
  return finders.find(([pattern]) => pattern.test(key))?.[1] ?? null;
};

/** All numbers in a text, in order. */
export const numbersIn = (text: string): readonly number[] =>
  [...text.matchAll(/-?\d+(?:,\d{3})*(?:\.\d+)?/g)]
    .slice(0, 50)
    .map((match) => Number(match[0].replaceAll(",", "")));

/** The first sentence, shortened to whole words. */
export const gist = (text: string, charsMax: number): string => {
  const sentence = (/[^.!?\n]+[.!?]?/.exec(text.trim())?.[0] ?? "").trim();
  if (sentence.length <= charsMax) return sentence;
  const cut = sentence.slice(0, charsMax);
  return cut.slice(0, Math.max(1, cut.lastIndexOf(" "))).replace(/[\ud800-\udbff]$/, "");
};
