// The arithmetic of holds: what a group of requests is answered, and that no order and no mix of them passes a ceiling.
import fc from "fast-check";
import { expect, test } from "vitest";
import { admit, type HoldRequest } from "../../src/domain/hold.ts";

const fits = (
  available: ReadonlyMap<bigint, bigint>,
  requests: readonly HoldRequest[],
  unbudgeted: "refuse" | "allow" = "refuse",
): boolean[] => admit(available, requests, unbudgeted).map((verdict) => verdict.fits);

test("a request that does not fit takes nothing and fails no neighbour", () => {
  const available = new Map([[1n, 10n]]);
  const ask = (amountNano: bigint) => ({ amountNano, windowIds: [1n] });
  expect(fits(available, [ask(6n), ask(5n), ask(4n), ask(1n)])).toEqual([true, false, true, false]);
});

test("a request is held in all of its windows or in none, and a refusal names those without room", () => {
  const available = new Map([
    [1n, 10n],
    [2n, 3n],
  ]);
  expect(
    admit(
      available,
      [
        { amountNano: 5n, windowIds: [1n, 2n] },
        { amountNano: 10n, windowIds: [1n] },
        { amountNano: 1n, windowIds: [1n, 2n] },
      ],
      "refuse",
    ),
  ).toEqual([
    { fits: false, shortIds: [2n] },
    { fits: true, shortIds: [] },
    { fits: false, shortIds: [1n] },
  ]);
});

test("of several of one name the first that fits is admitted, and those behind it take nothing", () => {
  const ask = (amountNano: bigint) => ({ amountNano, windowIds: [1n] });
  const asks = [ask(20n), ask(4n), ask(4n), ask(6n)].map((each, index) => ({
    ...each,
    oneOf: index < 3 ? "probe" : undefined,
  }));
  const verdicts = admit(new Map([[1n, 10n]]), asks, "allow");
  expect(verdicts.map(({ fits: isAdmitted }) => isAdmitted)).toEqual([false, true, false, true]);
  expect(verdicts.map(({ passedOver }) => passedOver)).toEqual([undefined, undefined, true, undefined]);
});

test("a window that is not known admits nothing", () => {
  expect(admit(new Map(), [{ amountNano: 1n, windowIds: [9n] }], "allow")).toEqual([
    { fits: false, shortIds: [9n] },
  ]);
});

test("work that no budget covers runs only where the installation allows it", () => {
  const uncovered = [{ amountNano: 1n, windowIds: [] }];
  expect(fits(new Map(), uncovered, "allow")).toEqual([true]);
  expect(admit(new Map(), uncovered, "refuse")).toEqual([{ fits: false, shortIds: [] }]);
});

const ids = [1n, 2n, 3n];
const rooms = fc.array(fc.bigInt({ min: -20n, max: 200n }), { minLength: 3, maxLength: 3 });
const request = fc.record({ amountNano: fc.bigInt({ min: 0n, max: 50n }), windowIds: fc.subarray(ids) });
const requests = fc.array(request, { maxLength: 40 });
const roomOf = (nanos: readonly bigint[]) => new Map(ids.map((id, n) => [id, nanos[n] ?? 0n]));

/** What the admitted of a group take of a window. */
const taken = (asks: readonly HoldRequest[], verdicts: readonly boolean[], id: bigint): bigint =>
  asks.reduce(
    (sum, ask, n) => (verdicts[n] === true && ask.windowIds.includes(id) ? sum + ask.amountNano : sum),
    0n,
  );

test("what is admitted never exceeds what was available in any window", () => {
  fc.assert(
    fc.property(rooms, requests, (nanos, asks) => {
      const verdicts = fits(roomOf(nanos), asks);
      for (const [n, id] of ids.entries()) {
        const sum = taken(asks, verdicts, id);
        expect(sum === 0n || sum <= (nanos[n] ?? 0n)).toBe(true);
      }
    }),
  );
});

test("nothing is refused that would have fitted beside those admitted before it", () => {
  fc.assert(
    fc.property(rooms, requests, (nanos, asks) => {
      const verdicts = admit(roomOf(nanos), asks, "allow");
      for (const [at, { fits: fit, shortIds }] of verdicts.entries()) {
        const before = asks.slice(0, at);
        const flags = verdicts.slice(0, at).map((verdict) => verdict.fits);
        const ask = asks[at];
        const short = (ask?.windowIds ?? []).filter(
          (id) => (roomOf(nanos).get(id) ?? 0n) - taken(before, flags, id) < (ask?.amountNano ?? 0n),
        );
        expect(shortIds).toEqual(short);
        expect(fit).toBe(short.length === 0);
      }
    }),
  );
});

test("a group asked at once is answered as if its members had been asked one after the other", () => {
  fc.assert(
    fc.property(rooms, requests, (nanos, asks) => {
      const left = roomOf(nanos);
      const oneByOne = asks.map((ask) => {
        const [fit = false] = fits(left, [ask], "allow");
        if (fit) for (const id of ask.windowIds) left.set(id, (left.get(id) ?? 0n) - ask.amountNano);
        return fit;
      });
      expect(fits(roomOf(nanos), asks, "allow")).toEqual(oneByOne);
    }),
  );
});

test("more room never admits fewer of equal requests", () => {
  const equal = fc.tuple(fc.integer({ min: 0, max: 40 }), fc.bigInt({ min: 1n, max: 50n }));
  const room = fc.bigInt({ min: 0n, max: 500n });
  fc.assert(
    fc.property(room, room, equal, (low, more, [count, amountNano]) => {
      const asks = Array.from({ length: count }, () => ({ amountNano, windowIds: [1n] }));
      const admitted = (nano: bigint) => fits(new Map([[1n, nano]]), asks).filter(Boolean).length;
      expect(admitted(low + more)).toBeGreaterThanOrEqual(admitted(low));
      expect(admitted(low)).toBe(Math.min(count, Number(low / amountNano)));
    }),
  );
});
