// Money is integer arithmetic throughout: pico-dollars per token for prices (so that $0.01 per million tokens is 10,000),
// nano-dollars for what an attempt costs and for budgets. Floating point never touches an amount; the only decimal forms
// are the strings read from and shown to people.

/** Nano-dollars in one dollar. */
const nanoPerUsd = 1_000_000_000n;
/** Pico-dollars in one nano-dollar. */
export const picoPerNano = 1_000n;

/** Divides and rounds up. `dividend` must not be negative, `divisor` must be positive. */
export function divideUp(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor;
}

/** Nano-dollars as an exact decimal string with at least two decimals: 1_500_000_000n → "1.50", -1n → "-0.000000001". */
export function formatUsd(nanoUsd: bigint): string {
  const sign = nanoUsd < 0n ? "-" : "";
  const absolute = nanoUsd < 0n ? -nanoUsd : nanoUsd;
  const decimals = (absolute % nanoPerUsd).toString().padStart(9, "0").replace(/0+$/, "").padEnd(2, "0");
  return `${sign}${absolute / nanoPerUsd}.${decimals}`;
}

/**
 * A decimal dollar amount as nano-dollars: "12", "0.5", "0.000000001". Null for anything else: a sign, an exponent, spaces,
 * more than 9 decimals (a cut would move a ceiling) or more than 9 whole digits (keeps every amount inside a bigint column).
 */
export function parseUsd(text: string): bigint | null {
  const match = /^(\d{1,9})(?:\.(\d{1,9}))?$/.exec(text);
  if (match === null) return null;
  const [, whole = "0", decimals = ""] = match;
  return BigInt(whole) * nanoPerUsd + BigInt(decimals.padEnd(9, "0"));
}
