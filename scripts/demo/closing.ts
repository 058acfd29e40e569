// The end of a run: its figures, whether they are as they must be, and how they are shown. Pure: money is exact here, in
// nano-dollars; only the last line has plain numbers, for machines that read it.
import type { BulkStatus } from "../../src/cli/bulk-status.ts";
import { table } from "../../src/cli/output.ts";
import { formatUsd, parseUsd } from "../../src/domain/money.ts";

const outcomes = [
  "succeeded",
  "refused",
  "truncated",
  "invalid_output",
  "rejected",
  "failed",
  "expired",
  "canceled",
] as const;
type Outcome = (typeof outcomes)[number];

/** What the provider would bill, where it can be asked. */
export interface Bill {
  readonly invoiceNano: bigint;
  /** Calls whose answer nobody heard: billed by the provider, booked at their worst case by us. */
  readonly unheardCalls: number;
  readonly unheardNano: bigint;
}

/** The last line of the output. */
export interface Closing extends Readonly<Record<Outcome, number>> {
  readonly jobs: number;
  readonly realtime: number;
  readonly batch: number;
  readonly cost_usd: number;
  readonly presumed_usd: number;
  /** Null when the provider is the real one, which sends its bill later. */
  readonly invoice_usd: number | null;
  readonly realtime_only_usd: number;
  readonly saved_pct: number;
  readonly wall_s: number;
}

export interface Ending {
  readonly bulk: BulkStatus;
  readonly bill: Bill | null;
  readonly wallMs: number;
}

export function closingOf({ bulk, bill, wallMs }: Ending): Closing {
  const cost = nanoOf(bulk.cost_usd);
  const realtimeOnly = nanoOf(bulk.realtime_only_usd);
  const of = (outcome: Outcome): number => bulk.counts.outcome[outcome] ?? 0;
  return {
    jobs: bulk.accepted,
    succeeded: of("succeeded"),
    refused: of("refused"),
    truncated: of("truncated"),
    invalid_output: of("invalid_output"),
    rejected: of("rejected"),
    failed: of("failed"),
    expired: of("expired"),
    canceled: of("canceled"),
    realtime: bulk.counts.lane["realtime"] ?? 0,
    batch: bulk.counts.lane["batch"] ?? 0,
    cost_usd: Number(bulk.cost_usd),
    presumed_usd: Number(bulk.presumed_usd),
    invoice_usd: bill === null ? null : Number(formatUsd(bill.invoiceNano)),
    realtime_only_usd: Number(bulk.realtime_only_usd),
    saved_pct: realtimeOnly === 0n ? 0 : Number(((realtimeOnly - cost) * 10_000n) / realtimeOnly) / 100,
    wall_s: Math.round(wallMs / 100) / 10,
  };
}

const nanoOf = (usd: string): bigint => parseUsd(usd) ?? 0n;

export interface Check {
  readonly what: string;
  readonly ok: boolean;
}

/** What must hold after a simulated run. */
export function checksOf(ending: Ending, results: number): Check[] {
  const { bulk, bill } = ending;
  const closing = closingOf(ending);
  const sum = outcomes.reduce((total, outcome) => total + closing[outcome], 0);
  const checks = [
    { what: `every job has one outcome (${sum} of ${closing.jobs})`, ok: sum === closing.jobs },
    { what: `every job is in one lane`, ok: closing.realtime + closing.batch === closing.jobs },
    { what: `every job has its line in the results (${results})`, ok: results === closing.jobs },
  ];
  if (bill === null) return checks;
  const known = nanoOf(bulk.cost_usd) - nanoOf(bulk.presumed_usd);
  return [
    ...checks,
    { what: `at least 97 % succeeded`, ok: closing.succeeded >= 0.97 * closing.jobs },
    { what: `at least 40 % saved (${closing.saved_pct} %)`, ok: closing.saved_pct >= 40 },
    {
      what: `what we booked by usage is what the provider billed for it, to the nano-dollar`,
      ok: known === bill.invoiceNano - bill.unheardNano,
    },
    { what: `the provider's bill is not above our ledger`, ok: bill.invoiceNano <= nanoOf(bulk.cost_usd) },
  ];
}

/** The closing table and what it means, for people. */
export function closingText(ending: Ending): string {
  const { bulk, bill, wallMs } = ending;
  const closing = closingOf(ending);
  const happened = outcomes.filter((outcome) => closing[outcome] > 0);
  const parts = [
    table(
      ["JOBS", ...happened.map((outcome) => outcome.toUpperCase()), "REALTIME", "BATCH", "SECONDS"],
      [
        [
          closing.jobs,
          ...happened.map((outcome) => closing[outcome]),
          closing.realtime,
          closing.batch,
          Math.round(wallMs / 1_000),
        ],
      ],
    ),
    "",
    table(
      ["COST", "IN REALTIME ALONE", "SAVED"],
      [[`$${bulk.cost_usd}`, `$${bulk.realtime_only_usd}`, `${closing.saved_pct}%`]],
    ),
  ];
  if (bill !== null) parts.push("", booksText(bulk, bill));
  return parts.join("\n");
}

const money = (nano: bigint): string => `$${formatUsd(nano)}`;

function booksText(bulk: BulkStatus, bill: Bill): string {
  const presumed = nanoOf(bulk.presumed_usd);
  const known = nanoOf(bulk.cost_usd) - presumed;
  const books = table(
    ["MONEY", "OUR LEDGER", "PROVIDER'S BILL"],
    [
      ["answered, booked by usage", money(known), money(bill.invoiceNano - bill.unheardNano)],
      ["the killed worker's calls", money(presumed), money(bill.unheardNano)],
      ["in all", money(nanoOf(bulk.cost_usd)), money(bill.invoiceNano)],
    ],
  );
  const why =
    presumed === 0n
      ? "No call was lost, so the two are the same."
      : `Whose worker dies is booked at its worst case: nobody knows what it used. The provider billed ${bill.unheardCalls} answers ` +
        `that nobody heard; our ledger is above its bill by ${money(presumed - bill.unheardNano)} and never below.`;
  return `${books}\n${why}`;
}
