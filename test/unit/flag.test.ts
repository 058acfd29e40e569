// How work comes back after a stop: gently, and only the work that was stopped.
import fc from "fast-check";
import { expect, test } from "vitest";
import { stopOfNotice, widthAfter } from "../../src/domain/flag.ts";
import { easeIn, shareOut, type WaitingBulk } from "../../src/domain/share.ts";

const work = { tenantId: "t", queueId: "q", jobType: "type", model: "", bulkId: "b" };
const rampMs = 10_000;
const lifted = (scope: "global" | "queue" | "model", target: string, agoMs: number) => [
  { flag: { scope, target }, agoMs },
];

test("work begins at a twentieth and has its full width after ten seconds", () => {
  const widths = [0, 100, 2_500, 5_000, 10_000, 60_000].map((agoMs) =>
    widthAfter(lifted("global", "", agoMs), work, rampMs),
  );
  expect(widths).toEqual([0.05, 0.05, 0.25, 0.5, 1, 1]);
});

test("only the work that was stopped is narrowed; of several stops the latest counts", () => {
  expect(widthAfter([], work, rampMs)).toBe(1);
  expect(widthAfter(lifted("queue", "other", 0), work, rampMs)).toBe(1);
  expect(widthAfter(lifted("model", "claude-opus-5", 5_000), work, rampMs)).toBe(0.5);
  const opus = { ...work, model: "claude-opus-5" };
  expect(widthAfter(lifted("model", "claude-opus-5", 5_000), opus, rampMs)).toBe(0.5);
  expect(widthAfter(lifted("model", "claude-haiku-4-5", 5_000), opus, rampMs)).toBe(1);
  const both = [...lifted("global", "", 8_000), ...lifted("queue", "q", 2_000)];
  expect(widthAfter(both, work, rampMs)).toBe(0.2);
});

const bulk = (bulkId: string, queueId: string, more: Partial<WaitingBulk> = {}): WaitingBulk => ({
  bulkId,
  tenantId: "t",
  queueId,
  waiting: 1_000,
  out: 0,
  concurrencyMax: null,
  ...more,
});

test("queues that come back share the calls at once; what is out counts, and the others are as wide as ever", () => {
  const bulks = [bulk("a", "one"), bulk("b", "two", { out: 4 }), bulk("c", "three")];
  const eased = easeIn(bulks, 100, ({ queueId }) => (queueId === "three" ? 1 : 0.1));
  expect(shareOut(500, eased, 0)).toEqual(
    new Map([
      ["a", 5],
      ["b", 1],
      ["c", 494],
    ]),
  );
});

test("a queue that comes back is never widened, and never quite shut", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 500 }),
      fc.double({ min: 0.05, max: 1, noNaN: true }),
      fc.option(fc.integer({ min: 1, max: 50 })),
      (concurrency, share, concurrencyMax) => {
        const [eased] = easeIn([bulk("a", "one", { concurrencyMax })], concurrency, () => share);
        const room = eased?.concurrencyMax ?? Infinity;
        expect(room).toBeGreaterThanOrEqual(1);
        expect(room).toBeLessThanOrEqual(concurrencyMax ?? Infinity);
      },
    ),
  );
});

test("a notice is a stop or it is nothing: what cannot be read is read from the rows", () => {
  const stop = {
    id: "s",
    tenant_id: "t",
    scope: "queue",
    target: "q",
    mode: "abort",
    reason: "r",
    set_by: "a",
  };
  expect(stopOfNotice(JSON.stringify({ ...stop, set_at: "2026-11-25T18:00:00.123456+00:00" }))).toMatchObject(
    {
      kind: "stop",
      scope: "queue",
      target: "q",
      mode: "abort",
      setAt: new Date("2026-11-25T18:00:00.123Z"),
    },
  );
  for (const notice of ["", "{", "[]", JSON.stringify({ ...stop, scope: "galaxy", set_at: "2026-11-25" })])
    expect(stopOfNotice(notice)).toBeUndefined();
});
