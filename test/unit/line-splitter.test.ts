// Lines out of bytes: the same however the bytes were cut.
import fc from "fast-check";
import { expect, test } from "vitest";
import { LineSplitter, type RawLine } from "../../src/intake/line-splitter.ts";

function split(
  bytes: Buffer,
  cuts: readonly number[],
  lineBytesMax: number,
): { found: RawLine[]; lines: number } {
  const splitter = new LineSplitter(lineBytesMax);
  const found: RawLine[] = [];
  let from = 0;
  for (const cut of [...cuts].map((at) => at % (bytes.length + 1)).toSorted((a, b) => a - b)) {
    found.push(...splitter.push(bytes.subarray(from, cut)));
    from = cut;
  }
  found.push(...splitter.push(bytes.subarray(from)), ...splitter.end());
  return { found, lines: splitter.lines };
}

const piece = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 12 }).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom("\n", "\r\n", "\ufeff", " ", "x".repeat(40)).map((text) => Buffer.from(text)),
);

test("cuts make no difference", () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), fc.array(fc.nat(), { maxLength: 20 }), (pieces, cuts) => {
      const bytes = Buffer.concat(pieces);
      expect(split(bytes, cuts, 30)).toEqual(split(bytes, [], 30));
    }),
  );
});

test.each([
  [
    "a\nb\n",
    [
      [1, "a"],
      [2, "b"],
    ],
  ],
  [
    "a\r\n\r\n \t\nb",
    [
      [1, "a"],
      [4, "b"],
    ],
  ],
  [
    "\ufeffa\n\ufeffb",
    [
      [1, "a"],
      [2, "\ufeffb"],
    ],
  ],
  ["", []],
  ["\n\n\n", []],
  ["123456789a", [[1, "123456789a"]]],
  [
    "123456789ab\nc",
    [
      [1, null],
      [2, "c"],
    ],
  ],
  ["123456789a\r\n", [[1, "123456789a"]]],
] as const)("%j", (text, expected) => {
  const { found } = split(Buffer.from(text), [], 10);
  expect(found.map((line) => [line.number, line.text])).toEqual(expected);
});

test("the marks around a line of full length are not counted, wherever it is cut", () => {
  const bytes = Buffer.from("\ufeff123456789a\r\n");
  for (let cut = 0; cut <= bytes.length; cut += 1)
    expect(split(bytes, [cut], 10).found.map(({ text }) => text)).toEqual(["123456789a"]);
});

test("a line without an end is not kept beyond its limit", () => {
  const splitter = new LineSplitter(1_000);
  for (let round = 0; round < 1_000; round += 1) expect(splitter.push(Buffer.alloc(10_000, 97))).toEqual([]);
  expect(splitter.push(Buffer.from("\nb\n"))).toEqual([
    { number: 1, text: null, fault: "too_long" },
    { number: 2, text: "b", fault: null },
  ]);
});
