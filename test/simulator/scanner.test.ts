import fc from "fast-check";
import { expect, test } from "vitest";
import { RequestScanner } from "../../src/simulator/batches/scanner.ts";
import { Spool } from "../../src/simulator/batches/spool.ts";

const scan = (body: Buffer, cuts: readonly number[]): { elements: unknown[]; frame: unknown } => {
  const elements: unknown[] = [];
  const scanner = new RequestScanner((element) => elements.push(JSON.parse(element.toString())));
  let from = 0;
  for (const cut of [...new Set(cuts)].toSorted((left, right) => left - right)) {
    scanner.push(body.subarray(from, cut));
    from = cut;
  }
  scanner.push(body.subarray(from));
  return { elements, frame: scanner.finish() };
};

test("whatever the elements and wherever the chunks are cut, the elements come out whole", () => {
  const item = fc.dictionary(fc.string({ unit: "binary", maxLength: 8 }), fc.jsonValue({ maxDepth: 3 }), {
    maxKeys: 4,
  });
  fc.assert(
    fc.property(
      fc.array(item, { maxLength: 6 }),
      fc.jsonValue(),
      fc.array(fc.nat(400)),
      fc.boolean(),
      (requests, extra, cuts, spaced) => {
        const whole = { before: extra, requests, after: extra };
        const body = Buffer.from(spaced ? JSON.stringify(whole, null, 2) : JSON.stringify(whole));
        const { elements, frame } = scan(
          body,
          cuts.filter((cut) => cut < body.length),
        );
        // Parsed twice, since a JSON round trip is not the identity on every value (-0).
        expect(elements).toEqual(JSON.parse(JSON.stringify(requests)));
        expect(frame).toMatchObject({ requests: requests.map(() => 0) });
      },
    ),
    { numRuns: 300 },
  );
});

test("a list named requests inside something else is not the list", () => {
  const { elements, frame } = scan(Buffer.from('{"x":{"requests":[{"a":1}]},"requests":[{"b":2}]}'), []);
  expect([elements, frame]).toEqual([[{ b: 2 }], { x: { requests: [{ a: 1 }] }, requests: [0] }]);
});

test("a spool gives back what was appended, in memory and from its file", () => {
  const spool = new Spool();
  const pieces = Array.from({ length: 3_000 }, (_, index) => `${index}:${"ü".repeat(index % 1_700)}`);
  const starts = pieces.map((piece, index) => {
    const start = spool.length;
    if (index % 2 === 0) spool.append(Buffer.from(piece));
    else spool.appendText(piece);
    return start;
  });
  expect(spool.length).toBeGreaterThan(4 * 1024 * 1024);
  for (const index of [0, 1, 7, 1_500, 2_998, 2_999]) {
    expect(spool.readText(starts[index] ?? 0, starts[index + 1] ?? spool.length)).toBe(pieces[index]);
  }
  expect(spool.readText(0, spool.length)).toBe(pieces.join(""));
  spool.close();
  expect(spool.length).toBe(0);
});
