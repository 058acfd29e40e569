// sluice drill: pulls and lifts a stop in the running system, on a queue of its own under load, and says how long it took until all
// was quiet. It goes the way of every caller, over the API, so what it measures is what would happen; who did it, when and what came
// of it stands in the audit trail, as of any stop.
//
// The load is real: small calls of the cheapest model, under a ceiling of the queue of their own. Calls that the stop aborts are
// booked at their worst case, as always.
import { type Command, InvalidArgumentError } from "commander";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { systemClock } from "../../config/clock.ts";
import { isFinished, parseAnswer, readBulk } from "../bulk-status.ts";
import type { Client } from "../client.ts";
import { type Context, forService, type ServiceOptions } from "../context.ts";
import { CliError, exitCodes } from "../exit-codes.ts";
import { cliLimits } from "../limits.ts";
import { sluice } from "../typed.ts";

interface DrillOptions extends ServiceOptions {
  readonly calls: number;
}

export function addDrillCommand(program: Command, context: Context): void {
  forService(program.command("drill"))
    .description("pull and lift a stop on a queue of its own under load, and report the time to quiet")
    .option("--calls <n>", "jobs to put in as load", calls, 200)
    .action(async (options: DrillOptions) => {
      const tenant = options.tenant ?? "default";
      const report = await drill(await context.service({ ...options, tenant }), options.calls);
      context.print(options, report, () => reportText(report));
      context.end(report.complete ? exitCodes.done : exitCodes.unconfirmed);
    });
}

const queueName = "drill";
/** Far above what a drill costs, and a ceiling all the same. */
const limitUsd = "1.00";
const load = { model: "claude-haiku-4-5", max_tokens: 300 };

const receiptSchema = z.looseObject({
  id: z.string(),
  state: z.enum(["stopping", "complete", "lifted"]),
  set_at: z.string(),
  set_by: z.string(),
  completed_at: z.string().nullable(),
  unconfirmed: z.number(),
  processes: z.array(z.looseObject({ last_call_at: z.string().nullable() })),
  calls: z.looseObject({ in_flight: z.number(), aborted: z.number() }),
  batches: z.looseObject({ count: z.record(z.string(), z.number()) }),
});
type Receipt = z.output<typeof receiptSchema>;

interface DrillReport {
  readonly stop: string;
  readonly by: string;
  readonly at: string;
  readonly complete: boolean;
  /** What there was to stop when it was pulled. */
  readonly in_flight: number;
  readonly batches_in_flight: number;
  readonly aborted: number;
  readonly processes: number;
  readonly unconfirmed: number;
  /** From the stop's commit to the last call that any process began before it confirmed; 0: none after it. */
  readonly last_start_ms: number;
  /** From the stop's commit until nothing could start and nothing was in flight. */
  readonly quiet_ms: number | null;
}

async function drill(client: Client, count: number): Promise<DrillReport> {
  await client.request("PUT", `/v1/queues/${queueName}`, {
    body: {
      owner: "sluice drill",
      default_type: "message",
      budget: { limit_usd: limitUsd, window: "day" },
    },
  });
  const bulk = await submit(client, count);
  let set: Receipt | undefined;
  try {
    await underWay(client, bulk);
    const body = { scope: "queue", target: queueName, mode: "abort", reason: "drill" };
    set = parseAnswer(receiptSchema, await client.request("POST", "/v1/stops", { body }), client.url);
    return reportOf(set, await untilComplete(client, set));
  } finally {
    // The rest of the load is not worth its money, so it goes before the stop is lifted.
    await cancelRest(client, bulk);
    if (set !== undefined)
      await client.request("POST", `/v1/stops/${set.id}/lift`, { body: { reason: "the drill is over" } });
  }
}

/** A bulk that has ended by itself says so, which is as good. */
async function cancelRest(client: Client, bulk: string): Promise<void> {
  await client.request("POST", `/v1/bulks/${bulk}/cancel`, { body: {} }).catch((error: unknown) => {
    if (!(error instanceof CliError)) throw error;
  });
}

async function submit(client: Client, count: number): Promise<string> {
  const lines = Array.from({ length: count }, (_, n) => ({
    input: { messages: [{ role: "user", content: `Drill ${n}: count slowly from one to one hundred.` }] },
  }));
  const content = [{ shared: load }, ...lines].map((line) => `${JSON.stringify(line)}\n`).join("");
  const headers = { "content-type": "application/x-ndjson" };
  const query = { queue: queueName, urgency: "now", label: "drill:stop" };
  const accepted = await client.request("POST", "/v1/bulks", { query, upload: { content, headers } });
  return parseAnswer(z.looseObject({ id: z.string() }), accepted, client.url).id;
}

/** Waits until calls are under way. A load that has ended before anybody saw it run is no reason not to pull: the report says so. */
async function underWay(client: Client, bulk: string): Promise<void> {
  const untilMs = systemClock.monotonicMs() + cliLimits.drillWaitMs;
  // oxlint-disable no-await-in-loop -- one look after the other
  for (;;) {
    const status = await readBulk(client, bulk);
    if ((status.counts.state["running"] ?? 0) > 0 || isFinished(status)) return;
    if (systemClock.monotonicMs() > untilMs)
      throw new CliError(exitCodes.refused, "No call of the drill began.", {
        hint: "Is a worker running, is everything paused or stopped already, or is another ceiling in the way? GET /v1/bulks says what it waits for.",
      });
    await sleep(cliLimits.drillLookMs);
  }
  // oxlint-enable no-await-in-loop
}

async function untilComplete(client: Client, set: Receipt): Promise<Receipt> {
  const untilMs = systemClock.monotonicMs() + cliLimits.drillWaitMs;
  let receipt = set;
  while (receipt.state === "stopping" && systemClock.monotonicMs() < untilMs) {
    // oxlint-disable-next-line no-await-in-loop -- one look after the other
    await sleep(cliLimits.drillLookMs);
    // oxlint-disable-next-line no-await-in-loop -- as above
    const answer = await client.request("GET", `/v1/stops/${set.id}`);
    receipt = parseAnswer(receiptSchema, answer, client.url);
  }
  return receipt;
}

function reportOf(set: Receipt, receipt: Receipt): DrillReport {
  const setMs = Date.parse(receipt.set_at);
  const lastMs = receipt.processes.map(({ last_call_at: at }) => (at === null ? 0 : Date.parse(at)));
  return {
    stop: receipt.id,
    by: receipt.set_by,
    at: receipt.set_at,
    complete: receipt.state === "complete",
    // The first receipt is read behind the commit, when calls may be aborted already, or be about to be.
    in_flight: Math.max(set.calls.in_flight + set.calls.aborted, receipt.calls.aborted),
    batches_in_flight: atProvider.reduce((sum, standing) => sum + (set.batches.count[standing] ?? 0), 0),
    aborted: receipt.calls.aborted,
    processes: receipt.processes.length,
    unconfirmed: receipt.unconfirmed,
    last_start_ms: Math.max(0, ...lastMs.map((ms) => ms - setMs)),
    quiet_ms: receipt.completed_at === null ? null : Date.parse(receipt.completed_at) - setMs,
  };
}

/** Where a message batch stands that the provider works on, or may. */
const atProvider = ["creating", "doubtful", "to_cancel", "canceling", "goes_on"];

function reportText(report: DrillReport): string {
  const { quiet_ms: quiet, processes, unconfirmed } = report;
  return [
    `Drill ${report.stop} at ${report.at} by ${report.by}`,
    `In flight when it was pulled: ${report.in_flight} calls, ${report.batches_in_flight} message batches.`,
    quiet === null
      ? `NOT QUIET: ${unconfirmed} of ${processes} processes have not confirmed. Next: ${sluice} stops show ${report.stop}`
      : `Quiet after ${quiet} ms: ${processes} processes confirmed, ${report.aborted} calls aborted.`,
    `Last call begun ${report.last_start_ms} ms after the stop. The stop is lifted, and the rest of the load canceled.`,
    ...(report.in_flight + report.batches_in_flight > 0 ? [] : [nothingToStop]),
  ].join("\n");
}

const nothingToStop =
  "NOTHING WAS IN FLIGHT: this shows only that the signal reaches every process, not that calls under way are aborted. Run it again with more load, such as --calls 2000.";

function calls(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError("It must be 1 to 9999.");
  return Number(text);
}
