import fc from "fast-check";
import { expect, test } from "vitest";
import { divideUp, formatUsd, parseUsd } from "../../src/domain/money.ts";

test("amounts are written exactly, with at least two decimals", () => {
  const rows: [bigint, string][] = [
    [0n, "0.00"],
    [1n, "0.000000001"],
    [-1n, "-0.000000001"],
    [1_500_000_000n, "1.50"],
    [12_345_678_901n, "12.345678901"],
    [100_000_000_000n, "100.00"],
    [-2_010_000_000n, "-2.01"],
  ];
  for (const [nano, text] of rows) expect(formatUsd(nano)).toBe(text);
});

test("an amount that would have to be cut or guessed is not read", () => {
  for (const text of [
    "",
    "-1",
    "+1",
    "1e3",
    " 1",
    "1 ",
    ".5",
    "1.",
    "0.0000000001",
    "1,5",
    "NaN",
    "0x10",
    "1234567890",
  ]) {
    expect(parseUsd(text)).toBeNull();
  }
  expect(parseUsd("0.5")).toBe(500_000_000n);
  expect(parseUsd("999999999.999999999")).toBe(999_999_999_999_999_999n);
});

test("what is written is read back the same", () => {
  fc.assert(
    fc.property(fc.bigInt(0n, 999_999_999_999_999_999n), (nano) => {
      expect(parseUsd(formatUsd(nano))).toBe(nano);
    }),
  );
});

test("division rounds up and only up", () => {
  fc.assert(
    fc.property(fc.bigInt(0n, 10n ** 30n), fc.bigInt(1n, 10n ** 12n), (dividend, divisor) => {
      const quotient = divideUp(dividend, divisor);
      expect(quotient * divisor).toBeGreaterThanOrEqual(dividend);
      expect((quotient - 1n) * divisor).toBeLessThan(dividend);
    }),
  );
});
