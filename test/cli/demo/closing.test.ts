// The closing figures of a run and the checks that decide its exit code, on made-up ends.
import { expect, test } from "vitest";
import type { BulkStatus } from "../../../src/cli/bulk-status.ts";
import { type Bill, checksOf, closingOf, closingText, type Ending } from "../../../scripts/demo/closing.ts";

const bulk: BulkStatus = {
  id: "01jd3v2f00000000000000000a",
  queue: "tickets",
  type: "classify-intent",
  state: "finished",
  accepted: 100,
  counts: { state: {}, outcome: { succeeded: 98, refused: 1, failed: 1 }, lane: { realtime: 10, batch: 90 } },
  progress: { done: 100, total: 100, percent: 100 },
  cost_usd: "0.55",
  presumed_usd: "0.01",
  realtime_only_usd: "1.00",
  saved_pct: 45,
  wait_reason: null,
  wait_detail: null,
  eta: null,
};
const bill: Bill = { invoiceNano: 543_000_000n, unheardCalls: 2, unheardNano: 3_000_000n };
const ending: Ending = { bulk, bill, wallMs: 51_949 };
const failed = (changed: Partial<Ending>, results = 100): string[] =>
  checksOf({ ...ending, ...changed }, results)
    .filter(({ ok }) => !ok)
    .map(({ what }) => what);

test("the last line has every figure, as a number", () => {
  expect(closingOf(ending)).toEqual({
    jobs: 100,
    succeeded: 98,
    refused: 1,
    truncated: 0,
    invalid_output: 0,
    rejected: 0,
    failed: 1,
    expired: 0,
    canceled: 0,
    realtime: 10,
    batch: 90,
    cost_usd: 0.55,
    presumed_usd: 0.01,
    invoice_usd: 0.543,
    realtime_only_usd: 1,
    saved_pct: 45,
    wall_s: 51.9,
  });
});

test("a good end passes every check", () => {
  expect(failed({})).toEqual([]);
});

test.each([
  {
    what: "a job without an outcome",
    bulk: { accepted: 101 },
    fails: "every job has one outcome (100 of 101)",
  },
  {
    what: "too many that did not succeed",
    bulk: { counts: { ...bulk.counts, outcome: { succeeded: 96, failed: 4 } } },
    fails: "at least 97 % succeeded",
  },
  { what: "too little saved", bulk: { realtime_only_usd: "0.90" }, fails: "at least 40 % saved (38.88 %)" },
  {
    what: "a nano-dollar between the books",
    bulk: { cost_usd: "0.550000001" },
    fails: "what we booked by usage is what the provider billed for it, to the nano-dollar",
  },
])("$what fails the run", ({ bulk: changed, fails }) => {
  expect(failed({ bulk: { ...bulk, ...changed } })).toContain(fails);
});

test("a bill above the ledger fails the run, and so does a missing result", () => {
  expect(failed({ bill: { ...bill, invoiceNano: 560_000_000n, unheardNano: 20_000_000n } })).toEqual([
    "the provider's bill is not above our ledger",
  ]);
  expect(failed({}, 99)).toEqual(["every job has its line in the results (99)"]);
});

test("a real run has no bill to compare: its invoice is null and nothing is made of it", () => {
  const real = { ...ending, bill: null };
  expect(closingOf(real).invoice_usd).toBeNull();
  expect(checksOf(real, 100).every(({ ok }) => ok)).toBe(true);
  expect(closingText(real)).not.toContain("PROVIDER'S BILL");
});

test("the table shows both books and explains their difference", () => {
  const text = closingText(ending);
  expect(text).toMatch(/answered, booked by usage +\$0\.54 +\$0\.54\n/);
  expect(text).toMatch(/the killed worker's calls +\$0\.01 +\$0\.003\n/);
  expect(text).toContain(
    "The provider billed 2 answers that nobody heard; our ledger is above its bill by $0.007",
  );
  const equal = {
    ...ending,
    bulk: { ...bulk, presumed_usd: "0.00" },
    bill: { ...bill, unheardCalls: 0, unheardNano: 0n },
  };
  expect(closingText(equal)).toContain("No call was lost");
});
