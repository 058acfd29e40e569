import fc from "fast-check";
import { expect, test } from "vitest";
import { BrokenDownload, splitLines } from "../../src/lanes/batch/split-lines.ts";

async function split(chunks: readonly Uint8Array[], bytesMax = 1_000): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of splitLines(ReadableStream.from(chunks), bytesMax)) lines.push(line);
  return lines;
}
const failure = (chunks: readonly Uint8Array[], bytesMax?: number): Promise<unknown> =>
  split(chunks, bytesMax).catch((error: unknown) => (error instanceof BrokenDownload ? error.why : error));

test("lines come out whole wherever the chunks are cut, also inside a character", async () => {
  const texts = fc.array(fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(
      texts,
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 }),
      async (given, sizes) => {
        const wanted = given.map((text) => JSON.stringify(text));
        const bytes = Buffer.from(wanted.map((text) => `${text}\n`).join(""));
        const chunks: Uint8Array[] = [];
        for (let from = 0, n = 0; from < bytes.length; n += 1) {
          const size = sizes[n % sizes.length] ?? 1;
          chunks.push(bytes.subarray(from, from + size));
          from += size;
        }
        expect(await split(chunks)).toEqual(wanted);
      },
    ),
  );
});

test("blank lines are nothing, and neither is a last line end", async () => {
  expect(await split([Buffer.from('\n{"a":1}\n\n \r\n{"b":2}\n')])).toEqual(['{"a":1}', '{"b":2}']);
  expect(await split([])).toEqual([]);
});

test("a stream that ends inside a line was cut", async () => {
  expect(await failure([Buffer.from('{"a":1}\n{"b"')])).toBe("cut_mid_line");
});

test("a line has a longest length, within a chunk and over many", async () => {
  expect(await failure([Buffer.from(`${"x".repeat(20)}\n`)], 10)).toBe("line_too_long");
  expect(
    await failure(
      Array.from({ length: 5 }, () => Buffer.from("xxx")),
      10,
    ),
  ).toBe("line_too_long");
});
