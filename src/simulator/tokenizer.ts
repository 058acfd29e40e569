/**
 * An adversarial tokenizer: plain English costs about a token per four bytes, and text made to be nasty (random letters,
 * base64, CJK, emoji, digits) costs nearly a token per byte, but never more than one token per UTF-8 byte of the text in
 * NFKC form. A cost bound of "bytes of the request, the larger of raw and NFKC, plus a fixed overhead" therefore holds
 * against it, and a guess like "characters divided by four" does not.
 *
 * Fixed overheads, on top of the texts: `overheadTokens` below. Weights are thousandths of a token per UTF-8 byte or
 * character; no weight exceeds 1,000 per byte, which is the proof of the bound.
 */
import { draw } from "./chance.ts";

export const overheadTokens = { request: 16, tools: 350, outputFormat: 120 } as const;

const lower = 1;
const upper = 2;
const digit = 3;
const space = 4;
const newline = 5;
const mark = 6;

const classes = Uint8Array.from({ length: 128 }, (_, code) => {
  const char = String.fromCharCode(code);
  if (char >= "a" && char <= "z") return lower;
  if (char >= "A" && char <= "Z") return upper;
  if (char >= "0" && char <= "9") return digit;
  if (char === " ") return space;
  return char === "\n" || char === "\r" || char === "\t" ? newline : mark;
});

/** A word longer than this is taken for noise. */
const wordLettersMax = 14;

interface Weights {
  readonly wordStart: number;
  readonly wordLetter: number;
  readonly digits: number;
  readonly mark: number;
  readonly newline: number;
  readonly noise: number;
}

const plain: Weights = { wordStart: 550, wordLetter: 200, digits: 500, mark: 700, newline: 500, noise: 940 };
const dense: Weights = { wordStart: 715, wordLetter: 260, digits: 650, mark: 900, newline: 650, noise: 980 };

const nonAscii = /[\u0080-\uffff]/;
const bytesOf = (code: number): number => {
  if (code < 0x80) return 1;
  // A surrogate half is counted as two bytes, so that a pair makes the four it takes.
  return code < 0x800 || (code >= 0xd800 && code <= 0xdfff) ? 2 : 3;
};

/* oxlint-disable complexity -- one loop over the characters, taken apart it would be three times slower */
/** Tokens of one text. `denseTokens` is true for models of 4.7 and later. */
export const countTokens = (raw: string, denseTokens: boolean): number => {
  const weights = denseTokens ? dense : plain;
  const text = nonAscii.test(raw) ? raw.normalize("NFKC") : raw;
  let milli = 0;
  let before = space;
  let letters = 0;
  let noisy = false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    const kind = code < 128 ? (classes[code] ?? mark) : 0;
    if (kind === space || kind === newline) {
      milli += kind === newline ? weights.newline : 60;
      letters = 0;
      noisy = false;
    } else if (kind === 0) {
      milli += bytesOf(code) * weights.noise;
    } else {
      noisy ||= isNoise(before, kind) || letters > wordLettersMax;
      milli += noisy ? weights.noise : weightOf(weights, before, kind);
      letters = kind <= upper ? letters + 1 : 0;
    }
    before = kind;
  }
  return Math.ceil(milli / 1_000);
};

/* oxlint-enable complexity */

/** "aB", "a1", "1a": the inside of a word changes its kind, as in base64 and hex. */
const isNoise = (before: number, kind: number): boolean =>
  (before === lower && kind === upper) ||
  (before <= upper && before > 0 && kind === digit) ||
  (before === digit && kind <= upper);

const weightOf = (weights: Weights, before: number, kind: number): number => {
  if (kind === mark) return weights.mark;
  if (kind === digit) return weights.digits;
  return before === lower || before === upper ? weights.wordLetter : weights.wordStart;
};

const memo = new Map<string, number>();
const memoEntriesMax = 512;

/** The same, remembered: for tool definitions and schemas, which repeat from request to request. */
export const countTokensOnce = (text: string, denseTokens: boolean): number => {
  const key = denseTokens ? `d${text}` : `p${text}`;
  const known = memo.get(key);
  if (known !== undefined) return known;
  if (memo.size >= memoEntriesMax) memo.clear();
  const tokens = countTokens(text, denseTokens);
  memo.set(key, tokens);
  return tokens;
};

/** The longest prefix of `text` that costs at most `tokensMax`, cut between characters. */
export const cutToTokens = (text: string, tokensMax: number, denseTokens: boolean): string => {
  let low = 0;
  let high = text.length;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (countTokens(text.slice(0, middle), denseTokens) <= tokensMax) low = middle;
    else high = middle - 1;
  }
  const code = text.charCodeAt(low - 1);
  return text.slice(0, code >= 0xd800 && code <= 0xdbff ? low - 1 : low);
};

/** A share in (0.97, 1] per seed and model: two simulators with other seeds count a little differently. */
export const tokenShare = (seed: number, salt: number): number => 1 - draw(seed, salt) * 0.03;
