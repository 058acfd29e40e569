// sluice queue, pause, resume: what may run, and whether it runs now.
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Client } from "../client.ts";
import { type Context, forService, type ServiceOptions } from "../context.ts";
import { CliError, exitCodes } from "../exit-codes.ts";
import { cliLimits } from "../limits.ts";
import { listing } from "../output.ts";
import { parseAnswer } from "../bulk-status.ts";
import {
  type QueueStatus,
  queuePageSchema,
  queueRow,
  queueHead,
  queueSchema,
  queueText,
} from "../queue-status.ts";
import { sluice } from "../typed.ts";

export function addQueueCommands(program: Command, context: Context): void {
  const queue = program.command("queue").description("queues: their limits, defaults and owners");
  addQueueList(queue, context);
  addQueueSet(queue, context);
  addPause(program, context);
  addResume(program, context);
}

export interface QueueOptions extends ServiceOptions {
  /** The installation's queue of that name. */
  readonly shared?: true;
}

export const onQueue = (command: Command): Command =>
  forService(command).option("--shared", "the shared queue of that name; uses the installation's first key");

const queuePath = (name: string, act = ""): string => `/v1/queues/${encodeURIComponent(name)}${act}`;
export const sharedQuery = (options: QueueOptions): { shared?: string } =>
  options.shared === true ? { shared: "true" } : {};
export const serviceFor = (context: Context, options: QueueOptions): Promise<Client> =>
  context.service(options, options.shared === true ? "installation" : "default");

function addQueueList(queue: Command, context: Context): void {
  forService(queue.command("list"))
    .description("list the queues work can be submitted to")
    .action(async (options: ServiceOptions) => {
      const queues = await listQueues(await context.service(options));
      context.print(options, { queues }, () => listing(queueHead, queues.map(queueRow), noQueues));
    });
}

const noQueues = `No queues. Next: ${sluice} queue set NAME --owner WHO`;

async function listQueues(client: Client): Promise<QueueStatus[]> {
  const queues: QueueStatus[] = [];
  let after: string | undefined;
  do {
    const query = { limit: String(cliLimits.pageRows), after };
    // oxlint-disable-next-line no-await-in-loop -- a page follows from the one before
    const answer = await client.request("GET", "/v1/queues", { query });
    const page = parseAnswer(queuePageSchema, answer, client.url);
    queues.push(...page.queues);
    after = page.next ?? undefined;
  } while (after !== undefined && queues.length < cliLimits.rowsShownMax);
  return queues;
}

interface QueueSetOptions extends QueueOptions {
  readonly owner?: string;
  readonly type?: string;
  readonly urgency?: string;
  readonly priority?: number;
  readonly concurrencyMax?: number;
  readonly attemptsMax?: number;
  readonly jobAgeMaxS?: number;
}

function addQueueSet(queue: Command, context: Context): void {
  onQueue(queue.command("set").argument("<name>", "name of the queue"))
    .description("create a queue or change it; what is not named keeps its value")
    .option("--owner <name>", "who answers for it")
    .option("--type <name>", "job type of work that names none")
    .addOption(new Option("--urgency <when>", "urgency of work that names none").choices(["now", "whenever"]))
    .option("--priority <0-9>", "priority of work that names none", wholeNumber)
    .option("--concurrency-max <n>", "realtime calls of this queue at once", wholeNumber)
    .option("--attempts-max <n>", "paid attempts per job", wholeNumber)
    .option("--job-age-max-s <seconds>", "an older job expires", wholeNumber)
    .action(async (name: string, options: QueueSetOptions) => {
      const limits = {
        concurrency_max: options.concurrencyMax,
        attempts_max: options.attemptsMax,
        job_age_max_s: options.jobAgeMaxS,
      };
      const wish = {
        owner: options.owner,
        default_type: options.type,
        default_urgency: options.urgency,
        default_priority: options.priority,
        limits,
      };
      const saved = await putQueue(await serviceFor(context, options), name, wish, sharedQuery(options));
      context.print(options, saved, () => queueText(saved));
    });
}

/** Creates or changes a queue; members of `wish` that are left out keep their value. */
export async function putQueue(
  client: Client,
  name: string,
  wish: unknown,
  query: { readonly shared?: string } = {},
): Promise<QueueStatus> {
  return parseAnswer(
    queueSchema,
    await client.request("PUT", queuePath(name), { body: wish, query }),
    client.url,
  );
}

interface PauseOptions extends QueueOptions {
  readonly all?: true;
  readonly reason?: string;
}

function addPause(program: Command, context: Context): void {
  onQueue(program.command("pause").argument("[queue]", "name of the queue"))
    .description("start nothing new; what is under way ends, results and settlement go on")
    .option("--all", "every queue; uses the installation's first key")
    .requiredOption("--reason <text>", "why; shown to everybody whose work waits")
    .action(async (name: string | undefined, options: PauseOptions) => {
      await switchPause(context, "pause", name, options);
      context.print(options, { paused: true, queue: name ?? null, reason: options.reason }, () =>
        name === undefined
          ? `Everything is paused. Next: ${sluice} resume --all`
          : `Queue ${name} is paused. Next: ${sluice} resume ${name}`,
      );
    });
}

function addResume(program: Command, context: Context): void {
  onQueue(program.command("resume").argument("[queue]", "name of the queue"))
    .description("lift a pause; a pause of everything is lifted by --all only")
    .option("--all", "every queue; uses the installation's first key")
    .option("--reason <text>", "why")
    .action(async (name: string | undefined, options: PauseOptions) => {
      await switchPause(context, "resume", name, options);
      context.print(options, { paused: false, queue: name ?? null }, () =>
        name === undefined
          ? "Nothing is paused as a whole any more; queues paused by themselves stay paused."
          : `Queue ${name} goes on.`,
      );
    });
}

async function switchPause(
  context: Context,
  act: "pause" | "resume",
  name: string | undefined,
  options: PauseOptions,
): Promise<void> {
  if ((name === undefined) !== (options.all === true))
    throw new CliError(exitCodes.usage, `What is to ${act}?`, { hint: "Name one queue, or say --all." });
  const body = { reason: options.reason };
  if (name === undefined)
    await (await context.service(options, "installation")).request("POST", `/v1/${act}`, { body });
  else
    await (
      await serviceFor(context, options)
    ).request("POST", queuePath(name, `/${act}`), { body, query: sharedQuery(options) });
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(text);
}
