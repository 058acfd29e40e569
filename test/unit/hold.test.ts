import fc from "fast-check";
import { expect, test } from "vitest";
import { admit } from "../../src/domain/hold.ts";

test("a request that does not fit takes nothing and fails no neighbour", () => {
  const available = new Map([[1n, 10n]]);
  const ask = (amountNano: bigint) => ({ amountNano, windowIds: [1n] });
  expect(admit(available, [ask(6n), ask(5n), ask(4n), ask(1n)])).toEqual([true, false, true, false]);
});

test("a request is held in all of its windows or in none", () => {
  const available = new Map([
    [1n, 10n],
    [2n, 3n],
  ]);
  expect(
    admit(available, [
      { amountNano: 5n, windowIds: [1n, 2n] },
      { amountNano: 10n, windowIds: [1n] },
    ]),
  ).toEqual([false, true]);
});

test("a window that is not known admits nothing; work without a window is bound by nothing", () => {
  expect(
    admit(new Map(), [
      { amountNano: 1n, windowIds: [9n] },
      { amountNano: 1n, windowIds: [] },
    ]),
  ).toEqual([false, true]);
});

test("what is admitted never exceeds what was available in any window", () => {
  const ids = [1n, 2n, 3n];
  const asks = fc.array(
    fc.record({ amountNano: fc.bigInt({ min: 0n, max: 50n }), windowIds: fc.subarray(ids) }),
    { maxLength: 40 },
  );
  fc.assert(
    fc.property(
      fc.array(fc.bigInt({ min: 0n, max: 200n }), { minLength: 3, maxLength: 3 }),
      asks,
      (rooms, requests) => {
        const verdicts = admit(new Map(ids.map((id, n) => [id, rooms[n] ?? 0n])), requests);
        for (const [n, id] of ids.entries()) {
          const taken = requests.reduce(
            (sum, ask, i) =>
              verdicts[i] === true && ask.windowIds.includes(id) ? sum + ask.amountNano : sum,
            0n,
          );
          expect(taken <= (rooms[n] ?? 0n)).toBe(true);
        }
      },
    ),
  );
});
