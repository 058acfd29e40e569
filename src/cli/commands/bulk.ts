// sluice submit, watch, results: handing work in and getting it back.
import { createReadStream, createWriteStream } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import type { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Command, Option } from "commander";
import { z } from "zod";
import { countsText, parseAnswer, type BulkStatus, unsuccessful } from "../bulk-status.ts";
import type { Client } from "../client.ts";
import { type Context, forService, type ServiceOptions } from "../context.ts";
import { CliError, exitCodes } from "../exit-codes.ts";
import { wrongLine } from "../in-options.ts";
import { cliLimits } from "../limits.ts";
import { watchBulk } from "../watch.ts";
import { sluice } from "../typed.ts";

export function addBulkCommands(program: Command, context: Context): void {
  addSubmit(program, context);
  addWatch(program, context);
  addResults(program, context);
}

interface SubmitOptions extends ServiceOptions {
  readonly queue?: string;
  readonly type?: string;
  readonly urgency?: string;
  readonly deadline?: string;
  readonly priority?: string;
  readonly onInvalid?: string;
  readonly label: readonly string[];
  readonly cap: readonly string[];
  readonly idempotencyKey?: string;
  readonly quoteId?: string;
  readonly watch?: true;
}

/** How the lines of a file are to be treated, where they say nothing themselves. */
export function treatmentOptions(command: Command): Command {
  return command
    .option("--queue <name>", "the queue (default: default)")
    .option("--type <name>", "the job type (default: the queue's)")
    .addOption(
      new Option("--urgency <when>", "now: at once. whenever: in message batches, half price").choices([
        "now",
        "whenever",
      ]),
    )
    .option("--deadline <time>", "RFC 3339; takes precedence over --urgency")
    .option("--priority <0-9>", "higher first")
    .addOption(
      new Option("--on-invalid <what>", "reject all lines if one is invalid, or skip those").choices([
        "reject",
        "skip",
      ]),
    )
    .option(
      "--label <name:value>",
      "may be given several times",
      (pair: string, all: string[]) => [...all, pair],
      [],
    )
    .option(
      "--cap <name:number>",
      "what the work may not pass, such as max_tokens_max:500; may be given several times",
      (pair: string, all: string[]) => [...all, pair],
      [],
    );
}

function addSubmit(program: Command, context: Context): void {
  treatmentOptions(
    forService(
      program
        .command("submit")
        .argument("<file>", "NDJSON, one job a line; .gz is sent as it is; - is standard input"),
    ).description("submit a file as one bulk"),
  )
    .option("--idempotency-key <key>", "the same key and file again is the same bulk, not a second one")
    .option("--quote-id <id>", "a quote of the same file: its worst case becomes the bulk's own ceiling")
    .option("--watch", "stay until the bulk has finished")
    .action(async (file: string, options: SubmitOptions) => {
      const client = await context.service(options);
      const submitted = await submitFile(
        client,
        { content: await openInput(context, file), gzip: file.endsWith(".gz") },
        options,
      );
      if (options.watch === true) {
        context.deps.stderr.write(`bulk ${submitted.id}: ${submitted.accepted} jobs\n`);
        await watchToEnd(context, client, submitted.id, options);
        return;
      }
      context.print(options, submitted, () => submittedText(submitted));
    });
}

const submittedSchema = z.object({
  id: z.string(),
  accepted: z.number(),
  invalid: z.number(),
  approval: z.literal("waiting").nullable(),
  errors: z.array(z.object({ line: z.number().optional(), field: z.string(), reason: z.string() })),
  links: z.record(z.string(), z.string()),
});
type Submitted = z.infer<typeof submittedSchema>;

export type Choices = Omit<SubmitOptions, keyof ServiceOptions | "watch" | "label" | "cap"> & {
  readonly label?: readonly string[];
  readonly cap?: readonly string[];
};

interface FileUpload {
  readonly content: Readable | string;
  readonly gzip: boolean;
}

/** Sends NDJSON as one bulk. Everything of it is committed when this returns. */
export async function submitFile(client: Client, upload: FileUpload, choices: Choices): Promise<Submitted> {
  const answer = await sendFile(client, upload, choices, { quote_id: choices.quoteId });
  return parseAnswer(submittedSchema, answer, client.url);
}

/** Sends NDJSON to be accepted or, with `quote: "true"`, quoted; answers what the service said. */
export function sendFile(
  client: Client,
  upload: FileUpload,
  choices: Choices,
  how: { readonly quote?: "true"; readonly quote_id?: string | undefined },
): Promise<unknown> {
  const { queue, type, urgency, deadline, priority, onInvalid, label, cap, idempotencyKey } = choices;
  return client.request("POST", "/v1/bulks", {
    query: { queue, type, urgency, deadline, priority, on_invalid: onInvalid, label, cap, ...how },
    headers: idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey },
    upload: {
      content: upload.content,
      headers: {
        "content-type": "application/x-ndjson",
        ...(upload.gzip ? { "content-encoding": "gzip" } : {}),
      },
    },
  });
}

export async function openInput(context: Context, file: string): Promise<Readable> {
  if (file === "-") return context.deps.stdin;
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile() !== true)
    throw new CliError(exitCodes.usage, `${file} is not a file that can be read.`, {
      hint: "Give the path of an NDJSON file, or - for standard input.",
    });
  return createReadStream(file);
}

function submittedText({ id, accepted, invalid, errors, approval, links }: Submitted): string {
  const shown = errors.slice(0, cliLimits.errorsShownMax).map((error) => `  ${wrongLine(error)}`);
  const left =
    invalid === 0
      ? []
      : [`${invalid} invalid lines were left out:`, ...shown, `  all of them: ${links["errors"] ?? ""}`];
  const next =
    approval === null
      ? `Next: ${sluice} watch ${id}`
      : `It waits for a second person, with a key of their own: ${sluice} approve ${id}`;
  return [`Bulk ${id}: ${accepted} jobs accepted.`, ...left, next].join("\n");
}

function addWatch(program: Command, context: Context): void {
  forService(program.command("watch").argument("<bulk>", "id of the bulk"))
    .description("follow a bulk until every job has its outcome; exit code 4 if not all succeeded")
    .action(async (id: string, options: ServiceOptions) => {
      await watchToEnd(context, await context.service(options), id, options);
    });
}

async function watchToEnd(
  context: Context,
  client: Client,
  id: string,
  options: ServiceOptions,
): Promise<void> {
  const { stdout, stderr } = context.deps;
  // With --json standard output carries the final document only.
  const bulk = await watchBulk(client, id, options.json === true ? stderr : stdout);
  context.print(options, bulk, () => finishedText(bulk));
  context.end(unsuccessful(bulk) === 0 ? exitCodes.done : exitCodes.unsuccessful);
}

function finishedText(bulk: BulkStatus): string {
  return [
    `Finished: ${countsText(bulk.counts.outcome)}.`,
    `Cost $${bulk.cost_usd}; the same in realtime alone $${bulk.realtime_only_usd} (${bulk.saved_pct}% saved).`,
    `Next: ${sluice} results ${bulk.id} -o results.ndjson`,
  ].join("\n");
}

interface ResultsOptions extends ServiceOptions {
  readonly output?: string;
  readonly outcome?: string;
  readonly order?: string;
  readonly follow?: true;
}

function addResults(program: Command, context: Context): void {
  forService(program.command("results").argument("<bulk>", "id of the bulk"))
    .description("write the results of a bulk as NDJSON, one line a job")
    .option(
      "-o, --output <file>",
      "default: standard output. A file appears under its name when it is complete",
    )
    .option("--outcome <list>", "only these outcomes, such as succeeded or failed,expired")
    .addOption(
      new Option("--order <order>", "line: as submitted. finished: as they came").choices([
        "line",
        "finished",
      ]),
    )
    .option("--follow", "stay and write outcomes as they come, until the last one")
    .action(async (id: string, options: ResultsOptions) => {
      const client = await context.service(options);
      const { outcome, order, follow, output } = options;
      const rows = await client.stream(`/v1/bulks/${encodeURIComponent(id)}/results`, {
        outcome,
        order: follow === true ? (order ?? "finished") : order,
        follow: follow === true ? "true" : undefined,
      });
      if (output === undefined || output === "-") {
        await printLines(rows, context.deps.stdout);
        return;
      }
      const lines = await writeLines(rows, output);
      context.print(
        options,
        { bulk: id, file: output, results: lines },
        () => `${lines} results written to ${output}.`,
      );
    });
}

/** Writes to standard output as fast as its reader takes it; a reader that has seen enough (`| head`) is no failure. */
async function printLines(rows: Readable, stdout: Writable): Promise<void> {
  try {
    await pipeline(rows, stdout, { end: false });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EPIPE") return;
    throw error;
  }
}

/** Writes beside the target and renames at the end, so that a file of that name is a whole one. Answers with its lines. */
async function writeLines(rows: Readable, file: string): Promise<number> {
  const draft = `${file}.part`;
  let lines = 0;
  try {
    await pipeline(
      rows,
      async function* count(chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          for (const byte of chunk) if (byte === newline) lines += 1;
          yield chunk;
        }
      },
      createWriteStream(draft),
    );
  } catch (error) {
    await rm(draft, { force: true });
    if (error instanceof CliError) throw error;
    throw new CliError(exitCodes.refused, `The results are not complete; ${file} was not written.`, {
      hint: "Run the command again: results are kept until the bulk is deleted.",
    });
  }
  await rename(draft, file);
  return lines;
}

const newline = 10;
