// sluice quote, approve: what a file would cost, and the second person's word.
import { type Command } from "commander";
import { z } from "zod";
import { parseAnswer } from "../bulk-status.ts";
import { type Context, forService, type ServiceOptions } from "../context.ts";
import { table } from "../output.ts";
import { type Choices, openInput, sendFile, treatmentOptions } from "./bulk.ts";
import { sluice } from "../typed.ts";

export function addQuoteCommands(program: Command, context: Context): void {
  addQuote(program, context);
  addApprove(program, context);
}

const laneSchema = z.object({ jobs: z.number(), worst_usd: z.string(), finish_s: z.number().nullable() });
const quoteSchema = z.object({
  id: z.string(),
  expires_at: z.string(),
  accepted: z.number(),
  invalid: z.number(),
  worst_usd: z.string(),
  expected_usd: z.string(),
  expected_from: z.number(),
  lanes: z.object({ realtime: laneSchema, batch: laneSchema }),
  binding: z.looseObject({
    kind: z.string(),
    budget: z.string().nullish(),
    available_usd: z.string().nullish(),
    short_usd: z.string().nullish(),
  }),
  needs_approval: z.boolean(),
});
type Quote = z.infer<typeof quoteSchema>;

function addQuote(program: Command, context: Context): void {
  treatmentOptions(
    forService(
      program
        .command("quote")
        .argument("<file>", "NDJSON, one job a line; .gz is sent as it is; - is standard input"),
    ).description("say what a file would cost, and accept nothing; good for an hour with submit --quote-id"),
  ).action(async (file: string, options: ServiceOptions & Choices) => {
    const client = await context.service(options);
    const content = await openInput(context, file);
    const upload = { content, gzip: file.endsWith(".gz") };
    const answer = await sendFile(client, upload, options, { quote: "true" });
    const quote = parseAnswer(quoteSchema, answer, client.url);
    context.print(options, quote, () => quoteText(quote, [file, ...repeated(options)].join(" ")));
  });
}

/** The options that treat the lines, as they are to be given again: they are part of what was quoted. */
function repeated({
  queue,
  type,
  urgency,
  deadline,
  priority,
  onInvalid,
  label = [],
  cap = [],
}: Choices): string[] {
  const single = { queue, type, urgency, deadline, priority, "on-invalid": onInvalid };
  return [
    ...Object.entries(single).flatMap(([name, value]) => (value === undefined ? [] : [`--${name} ${value}`])),
    ...label.map((pair) => `--label ${pair}`),
    ...cap.map((pair) => `--cap ${pair}`),
  ];
}

function quoteText(quote: Quote, what: string): string {
  const { lanes } = quote;
  const rows = [["realtime", lanes.realtime] as const, ["batch", lanes.batch] as const].map(
    ([lane, { jobs, worst_usd, finish_s: seconds }]) => [
      lane,
      String(jobs),
      `$${worst_usd}`,
      seconds === null ? "-" : `${Math.ceil(seconds / 60)} min`,
    ],
  );
  const basis =
    quote.expected_from === 0
      ? "a rule of thumb: too few such jobs have run"
      : `what ${quote.expected_from} such attempts came to lately`;
  return [
    table(["LANE", "JOBS", "AT WORST", "DONE IN"], rows),
    `\n${quote.accepted} jobs, ${quote.invalid} invalid lines. At worst $${quote.worst_usd} (one attempt of every line), expected $${quote.expected_usd} (${basis}).`,
    bindingText(quote),
    ...(quote.needs_approval ? [`It will wait for a second person: ${sluice} approve BULK.`] : []),
    `Next: ${sluice} submit ${what} --quote-id ${quote.id} (until ${quote.expires_at}) makes the worst case its ceiling.`,
  ].join("\n");
}

function bindingText({ binding }: Quote): string {
  if (binding.kind === "budget" && binding.budget === null)
    return "A budget of the installation has too little left for the worst case.";
  if (binding.kind === "budget")
    return `Budget ${binding.budget ?? ""} has $${binding.available_usd ?? "0"} left, $${binding.short_usd ?? "0"} too little for the worst case.`;
  return binding.kind === "rate"
    ? "The provider's rate of calls decides when it ends."
    : "The provider's message batches decide when it ends.";
}

const approvedSchema = z.object({ id: z.string(), approved_by: z.string(), worst_usd: z.string() });

function addApprove(program: Command, context: Context): void {
  forService(program.command("approve").argument("<bulk>", "id of the bulk"))
    .description("confirm a bulk that waits for a second person; not by the one who submitted it")
    .option("--reason <text>", "why, for the record")
    .action(async (id: string, options: ServiceOptions & { reason?: string }) => {
      const client = await context.service(options);
      const answer = await client.request("POST", `/v1/bulks/${encodeURIComponent(id)}/approve`, {
        body: options.reason === undefined ? {} : { reason: options.reason },
      });
      const approved = parseAnswer(approvedSchema, answer, client.url);
      context.print(
        options,
        approved,
        () => `Bulk ${id} may spend up to $${approved.worst_usd}; confirmed by ${approved.approved_by}.`,
      );
    });
}
