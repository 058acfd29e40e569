// sluice budget: ceilings on money. `set` with the name of a queue is the short form for a queue's own budget.
import { type Command, InvalidArgumentError, Option } from "commander";
import { budgetScopes, whenBoundRules } from "../../domain/budget.ts";
import { windowKinds } from "../../domain/budget-window.ts";
import { isId } from "../../domain/ids.ts";
import {
  budgetHead,
  budgetPageSchema,
  budgetRow,
  budgetSchema,
  type BudgetStatus,
  budgetText,
  holdHead,
  holdPageSchema,
  holdRow,
} from "../budget-status.ts";
import { parseAnswer } from "../bulk-status.ts";
import type { Client } from "../client.ts";
import { type Context, forService, type ServiceOptions } from "../context.ts";
import { CliError, exitCodes } from "../exit-codes.ts";
import { cliLimits } from "../limits.ts";
import { listing } from "../output.ts";
import { queueText } from "../queue-status.ts";
import { onQueue, putQueue, type QueueOptions, serviceFor, sharedQuery } from "./queue.ts";
import { sluice } from "../typed.ts";

export function addBudgetCommands(program: Command, context: Context): void {
  const budget = program.command("budget").description("ceilings on money");
  addList(budget, context);
  addShow(budget, context);
  addCreate(budget, context);
  addSet(budget, context);
  addEnd(budget, context);
  addHolds(budget, context);
}

const budgetPath = (id: string, part = ""): string => `/v1/budgets/${encodeURIComponent(id)}${part}`;

interface ListOptions extends ServiceOptions {
  readonly scope?: string;
  readonly target?: string;
  readonly ended?: true;
}

function addList(budget: Command, context: Context): void {
  forService(budget.command("list"))
    .description("list the budgets that bind your work, and what is left of them")
    .addOption(new Option("--scope <scope>", "only of this scope").choices(budgetScopes))
    .option("--target <name>", "only of this queue, tenant, job type, label or bulk")
    .option("--ended", "those that have ended, too")
    .action(async (options: ListOptions) => {
      const client = await context.service(options);
      const budgets = await pages(async (after) => {
        const ended = options.ended === true ? "true" : undefined;
        const query = { scope: options.scope, target: options.target, ended, after, ...pageSize };
        const answer = await client.request("GET", "/v1/budgets", { query });
        const page = parseAnswer(budgetPageSchema, answer, client.url);
        return { rows: page.budgets, next: page.next };
      });
      context.print(options, { budgets }, () =>
        listing(budgetHead, budgets.map(budgetRow), noBudgets(options)),
      );
    });
}

function noBudgets({ scope, target, ended }: ListOptions): string {
  if (scope !== undefined || target !== undefined)
    return ended === true ? "No such budgets." : "No such budget is in force.";
  const none = ended === true ? "No budgets." : "No budget is in force.";
  return `${none} Next: ${sluice} budget create queue NAME --limit-usd 5 --window day`;
}

const pageSize = { limit: String(cliLimits.pageRows) };

/** All pages of a listing, up to what a person looks at. */
async function pages<Row>(
  read: (after: string | undefined) => Promise<{ rows: Row[]; next: string | null }>,
): Promise<Row[]> {
  const rows: Row[] = [];
  let after: string | undefined;
  do {
    // oxlint-disable-next-line no-await-in-loop -- a page follows from the one before
    const page = await read(after);
    rows.push(...page.rows);
    after = page.next ?? undefined;
  } while (after !== undefined && rows.length < cliLimits.rowsShownMax);
  return rows;
}

async function oneBudget(
  client: Client,
  method: "GET" | "PUT" | "POST",
  path: string,
  body?: unknown,
): Promise<BudgetStatus> {
  return parseAnswer(budgetSchema, await client.request(method, path, { body }), client.url);
}

function addShow(budget: Command, context: Context): void {
  forService(budget.command("show").argument("<id>", "id of the budget"))
    .description("show one budget with its open window")
    .action(async (id: string, options: ServiceOptions) => {
      const shown = await oneBudget(await context.service(options), "GET", budgetPath(id));
      context.print(options, shown, () => budgetText(shown));
    });
}

interface CreateOptions extends QueueOptions {
  readonly limitUsd: string;
  readonly window: string;
  readonly timeZone?: string;
  readonly whenBound?: string;
  readonly owner?: string;
  readonly reason?: string;
}

const windowOption = (): Option =>
  new Option(`--window <${windowKinds.join("|")}>`, "what the ceiling is for").choices(windowKinds);
const whenBoundOption = (): Option =>
  new Option("--when-bound <rule>", "what becomes of work without room").choices(whenBoundRules);

function addCreate(budget: Command, context: Context): void {
  onQueue(budget.command("create"))
    .description("set a ceiling on any scope")
    .argument("<scope>", `one of ${budgetScopes.join(", ")}`)
    .argument("[target]", "queue, tenant, job type, name:value of a label, id of a bulk")
    .requiredOption("--limit-usd <dollars>", "such as 12.50", dollars)
    .addOption(windowOption().makeOptionMandatory())
    .showHelpAfterError(`Such as: ${sluice} budget create queue tickets --limit-usd 5 --window day`)
    .option("--time-zone <name>", "in which days and months begin (default: UTC)")
    .addOption(whenBoundOption())
    .option("--owner <name>", "who answers for it")
    .option("--reason <text>", "why; the audit trail keeps it")
    .action(async (scope: string, target: string | undefined, options: CreateOptions) => {
      const wish = {
        scope,
        target,
        shared: options.shared,
        limit_usd: options.limitUsd,
        window: options.window,
        time_zone: options.timeZone,
        when_bound: options.whenBound,
        owner: options.owner,
        reason: options.reason,
      };
      const created = await oneBudget(await serviceFor(context, options), "POST", "/v1/budgets", wish);
      context.print(options, created, () => budgetText(created));
    });
}

interface SetOptions extends QueueOptions {
  readonly limitUsd?: string;
  readonly window?: string;
  readonly timeZone?: string;
  readonly whenBound?: string;
  readonly owner?: string;
  readonly force?: true;
  readonly reason?: string;
}

function addSet(budget: Command, context: Context): void {
  onQueue(budget.command("set").argument("<budget>", "id of a budget, or the name of a queue"))
    .description("change a ceiling, or set a queue's own; raising it lets waiting work go on at once")
    .option("--limit-usd <dollars>", "such as 12.50", dollars)
    .addOption(windowOption())
    .option("--time-zone <name>", "in which days and months begin (default: UTC)")
    .addOption(whenBoundOption())
    .option("--owner <name>", "who answers for it")
    .option("--force", "lower it even below what is spent and held; then nothing new starts")
    .option("--reason <text>", "why; needed to raise or replace one")
    .action(async (name: string, options: SetOptions) => {
      if (isId(name)) await setById(context, name, options);
      else await setOfQueue(context, name, options);
    });
}

async function setById(context: Context, id: string, options: SetOptions): Promise<void> {
  if (options.window !== undefined || options.timeZone !== undefined)
    throw new CliError(exitCodes.usage, "A budget keeps its window and time zone.", {
      hint: `Create another one with ${sluice} budget create, and end this one.`,
    });
  const { limitUsd, whenBound, owner, force, reason } = options;
  const change = { limit_usd: limitUsd, when_bound: whenBound, owner, force, reason };
  const changed = await oneBudget(await context.service(options), "PUT", budgetPath(id), change);
  context.print(options, changed, () => budgetText(changed));
}

async function setOfQueue(context: Context, name: string, options: SetOptions): Promise<void> {
  const { limitUsd, window, timeZone, whenBound, owner, force, reason } = options;
  if (limitUsd === undefined || window === undefined) {
    const missing = [
      ...(limitUsd === undefined ? ["--limit-usd DOLLARS"] : []),
      ...(window === undefined ? [`--window ${windowKinds.join("|")}`] : []),
    ];
    throw new CliError(exitCodes.usage, `A queue's budget needs ${missing.join(" and ")}.`, {
      hint: `Such as: ${sluice} budget set tickets --limit-usd 5 --window day`,
    });
  }
  if (whenBound !== undefined || owner !== undefined)
    throw new CliError(exitCodes.usage, "That is set by the id of the budget.", {
      hint: `Its id is in ${sluice} budget list; a queue's owner is set by ${sluice} queue set.`,
    });
  const wish = { budget: { limit_usd: limitUsd, window, time_zone: timeZone }, force, reason };
  const saved = await putQueue(await serviceFor(context, options), name, wish, sharedQuery(options));
  context.print(options, saved, () => queueText(saved));
}

interface EndOptions extends ServiceOptions {
  readonly reason: string;
}

function addEnd(budget: Command, context: Context): void {
  forService(budget.command("end").argument("<id>", "id of the budget"))
    .description("end a budget; work that no other one covers waits, unless the installation allows it")
    .requiredOption("--reason <text>", "why; the audit trail keeps it")
    .action(async (id: string, options: EndOptions) => {
      const query = { reason: options.reason };
      await (await context.service(options)).request("DELETE", budgetPath(id), { query });
      context.print(options, { id, ended: true }, () => `Budget ${id} has ended.`);
    });
}

function addHolds(budget: Command, context: Context): void {
  forService(budget.command("holds").argument("<id>", "id of the budget"))
    .description("list what is held in a budget now: the calls and message batches in the way of others")
    .action(async (id: string, options: ServiceOptions) => {
      const client = await context.service(options);
      const holds = await pages(async (after) => {
        const query = { after, ...pageSize };
        const answer = await client.request("GET", budgetPath(id, "/holds"), { query });
        const page = parseAnswer(holdPageSchema, answer, client.url);
        return { rows: page.holds, next: page.next };
      });
      context.print(options, { holds }, () =>
        listing(holdHead, holds.map(holdRow), "Nothing is held in this budget now."),
      );
    });
}

function dollars(text: string): string {
  const amount = text.replace(/^\$/, "");
  if (!/^\d+(\.\d{1,9})?$/.test(amount)) throw new InvalidArgumentError("It must be dollars, such as 12.50.");
  return amount;
}
