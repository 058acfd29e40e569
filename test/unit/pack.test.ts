import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  batchRefused,
  bodyBytes,
  bodyFrame,
  customIdOf,
  freeLineCount,
  lineBytes,
  lingersUntilMs,
  pack,
  readCustomId,
  refusedLinesMax,
  ripenessOf,
} from "../../src/domain/pack.ts";
import type { PackSetting, WaitingLine } from "../../src/domain/pack.ts";

const line = (id: string, more: Partial<WaitingLine> = {}): WaitingLine => ({
  id,
  bulkId: "a",
  requestBytes: 100,
  queuedAtMs: 0,
  attemptNo: 0,
  tries: 0,
  retryReason: null,
  apart: null,
  ...more,
});
const lines = (count: number, more: Partial<WaitingLine> = {}): WaitingLine[] =>
  Array.from({ length: count }, (_, n) => line(`${more.bulkId ?? "a"}${n}`, more));
const wide = { linesMax: 1_000, bytesMax: 1_000_000 };

describe("the length of a body", () => {
  const id = "01hzy8v9q3e7k2m4n6p8r0s2t4";

  test("is exactly that of the text that is sent", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" }), { maxLength: 20 }), (texts) => {
        const params = texts.map((text) => JSON.stringify({ text }));
        const sent =
          bodyFrame.head +
          params.map((each) => bodyFrame.line(customIdOf(id, id), each)).join(",") +
          bodyFrame.tail;
        const sized = params.map((each) => ({ requestBytes: Buffer.byteLength(each) }));
        expect(bodyBytes(sized)).toBe(Buffer.byteLength(sent));
      }),
    );
  });

  test("a custom id is read back, and no other name is taken for one", () => {
    expect(readCustomId(customIdOf(id, id))).toEqual({ batchId: id, jobId: id });
    for (const foreign of ["", "x-y", id, `${id}-${id}-1`, `${id.toUpperCase()}-${id}`])
      expect(readCustomId(foreign)).toBeNull();
    expect(customIdOf(id, id)).toMatch(/^[a-zA-Z0-9_-]{1,64}$/);
  });
});

describe("packing", () => {
  test("keeps both limits, takes turns between bulks and never loses the order inside one", () => {
    const sizes = fc.array(fc.array(fc.integer({ min: 1, max: 5_000 }), { maxLength: 30 }), { maxLength: 6 });
    fc.assert(
      fc.property(
        sizes,
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 6_000, max: 60_000 }),
        (bulks, linesMax, bytesMax) => {
          const groups = bulks.map((bulk, b) =>
            bulk.map((requestBytes, n) => line(`${b}-${n}`, { bulkId: String(b), requestBytes })),
          );
          const chosen = pack(groups, { linesMax, bytesMax });
          expect(chosen.length).toBeLessThanOrEqual(linesMax);
          expect(bodyBytes(chosen)).toBeLessThanOrEqual(bytesMax);
          for (const group of groups) {
            const ofBulk = chosen.filter((each) => each.bulkId === group[0]?.bulkId);
            expect(ofBulk).toEqual(group.slice(0, ofBulk.length));
          }
          const total = groups.flat();
          if (total.length > 0) expect(chosen.length).toBeGreaterThan(0);
          if (chosen.length < Math.min(linesMax, total.length)) {
            const biggest = Math.max(...total.map((each) => each.requestBytes));
            expect(bodyBytes(chosen) + lineBytes(biggest)).toBeGreaterThan(bytesMax);
          }
        },
      ),
    );
  });

  test("two bulks share a pack half and half when both have enough", () => {
    const chosen = pack([lines(50, { bulkId: "a" }), lines(50, { bulkId: "b" })], { ...wide, linesMax: 20 });
    expect(chosen.filter((each) => each.bulkId === "a")).toHaveLength(10);
  });

  test("lines that were refused go by themselves, in packs eight times smaller each time, at last alone", () => {
    const refused = lines(100, { retryReason: batchRefused, tries: 1 });
    expect(pack([refused, lines(9, { bulkId: "b" })], { ...wide, linesMax: 800 })).toHaveLength(100);
    expect(
      pack([lines(100, { retryReason: batchRefused, tries: 2 })], { ...wide, linesMax: 800 }),
    ).toHaveLength(12);
    expect(refusedLinesMax(100_000, 0)).toBe(100_000);
    expect(refusedLinesMax(100_000, 6)).toBe(1);
    expect(refusedLinesMax(1, 0)).toBe(1);
    expect(pack([lines(9, { bulkId: "b" }), refused], wide).map((each) => each.bulkId)).toEqual(
      Array.from({ length: 9 }, () => "b"),
    );
  });
});

test("lines that may be refused for their model go with that model only, at once", () => {
  const a = lines(3, { bulkId: "a", apart: "m" });
  const b = [
    ...lines(2, { bulkId: "b" }),
    ...lines(2, { bulkId: "c", apart: "m" }),
    line("d", { apart: "n" }),
  ];
  const chosen = pack([a, b], wide);
  expect(chosen.map((each) => each.apart)).toEqual(["m", "m", "m", "m", "m"]);
  const setting = { limits: wide, waiting: new Map(), accepted: new Map(), nowMs: 0, lingerMs: 5_000 };
  expect(ripenessOf(chosen, setting)).toBe("apart");
  expect(pack([b, a], wide).map((each) => each.bulkId)).toEqual(["b", "b"]);
});

describe("the time to send a pack", () => {
  const setting = (more: Partial<PackSetting> = {}): PackSetting => ({
    limits: wide,
    waiting: new Map([["a", 120]]),
    accepted: new Map([["a", 120]]),
    nowMs: 1_000,
    lingerMs: 5_000,
    ...more,
  });

  test("is at once when it is full by lines or by bytes", () => {
    expect(ripenessOf(lines(10), setting({ limits: { ...wide, linesMax: 10 } }))).toBe("full");
    expect(ripenessOf(lines(10), setting({ limits: { ...wide, bytesMax: bodyBytes(lines(10)) + 50 } }))).toBe(
      "full",
    );
  });

  test("is at once when it completes a bulk of a hundred lines or more, but not for its stragglers", () => {
    expect(ripenessOf(lines(120), setting())).toBe("bulk_complete");
    expect(ripenessOf(lines(119), setting())).toBeNull();
    expect(
      ripenessOf(lines(99), setting({ waiting: new Map([["a", 99]]), accepted: new Map([["a", 99]]) })),
    ).toBeNull();
    expect(ripenessOf(lines(3), setting({ waiting: new Map([["a", 3]]) }))).toBe("bulk_complete");
    expect(ripenessOf(lines(3, { attemptNo: 1 }), setting({ waiting: new Map([["a", 3]]) }))).toBeNull();
  });

  test("is when the oldest line has lingered long enough", () => {
    const some = [line("x", { queuedAtMs: 500 }), line("y", { queuedAtMs: 900 })];
    expect(ripenessOf(some, setting({ nowMs: 5_499 }))).toBeNull();
    expect(ripenessOf(some, setting({ nowMs: 5_500 }))).toBe("lingered");
    expect(lingersUntilMs(some, 5_000)).toBe(5_500);
    expect(ripenessOf([], setting())).toBeNull();
  });
});

test("no two open batches have the same number of lines: the next lower free one is taken, or none", () => {
  expect(freeLineCount(10, new Set())).toBe(10);
  expect(freeLineCount(10, new Set([10, 9, 7]))).toBe(8);
  expect(freeLineCount(2, new Set([1, 2]))).toBe(0);
});
