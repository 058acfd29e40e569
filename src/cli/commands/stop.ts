// sluice stop, stops, lift: the kill switch of the operator of the machine. It goes straight to the database, so it works while
// the API is down, hangs, or is what has to be stopped; and where nobody is alive to cancel message batches, it does that itself.
import { type Command, InvalidArgumentError, Option } from "commander";
import { requireTenant } from "../../control/access.ts";
import { stopDocument } from "../../control/stop-document.ts";
import { resolveTarget } from "../../control/stop-target.ts";
import { lift, requireStop, stop } from "../../control/stops.ts";
import { type FlagScope, type StopMode, stopModes } from "../../domain/flag.ts";
import { installationTenantId } from "../../domain/ids.ts";
import { listStops, type StopRow } from "../../postgres/stops.ts";
import { common, type CommonOptions, type Context } from "../context.ts";
import { CliError, exitCodes } from "../exit-codes.ts";
import { cliLimits } from "../limits.ts";
import { asOperator, type Operator } from "../operator.ts";
import { instant, listing } from "../output.ts";
import { receiptText, stoppedText } from "../receipt-text.ts";
import { documentOf, followStop } from "../stop-progress.ts";
import { sluice } from "../typed.ts";

export function addStopCommands(program: Command, context: Context): void {
  addStop(program, context);
  const stops = common(program.command("stops").enablePositionalOptions())
    .description("list the stops, the newest first")
    .option("--open", "only those in force")
    .action(async (options: CommonOptions & { open?: true }) => showList(context, options));
  addShow(stops, context);
  addLift(program, context);
}

interface StopOptions extends CommonOptions {
  readonly all?: true;
  readonly tenant?: string;
  readonly queue?: string;
  readonly shared?: true;
  readonly type?: string;
  readonly model?: string;
  readonly bulk?: string;
  readonly mode: StopMode;
  readonly reason: string;
  readonly waitS: number;
}

function addStop(program: Command, context: Context): void {
  common(program.command("stop"))
    .description(
      "the kill switch: stop everything, or one scope, and follow the receipt until it is complete",
    )
    .option("--all", "everything")
    .option("--tenant <name>", "everything of a tenant; with --queue: whose queue it is (default: default)")
    .option("--queue <name>", "a queue")
    .option("--shared", "with --queue: the installation's queue of that name")
    .option("--type <name>", "a job type")
    .option("--model <name>", "a model")
    .option("--bulk <id>", "a bulk")
    .addOption(
      new Option(
        "--mode <mode>",
        "what becomes of what is under way: it ends, its calls are aborted, its message batches are canceled, too",
      )
        .choices(stopModes)
        .default("abort"),
    )
    .requiredOption("--reason <text>", "why; shown to everybody whose work waits", reasonText)
    .option("--wait-s <seconds>", "how long to wait until it is complete; 0 does not wait", seconds, 60)
    .action(async (options: StopOptions) => {
      const named = namedScope(options);
      const receipt = await asOperator(context.deps, async (operator) => {
        const row = await pull(operator, named, options);
        return followStop(context.deps, operator, row, options.waitS * 1_000);
      });
      context.print(options, receipt, () =>
        [
          receiptText(receipt),
          receipt.state === "complete"
            ? `Complete: nothing of ${stoppedText(receipt)} starts. Next: ${sluice} lift ${receipt.id} --reason …`
            : `In force, not complete: see what is unconfirmed or in flight. Next: ${sluice} stops show ${receipt.id}`,
        ].join("\n\n"),
      );
      context.end(receipt.state === "complete" ? exitCodes.done : exitCodes.unconfirmed);
    });
}

interface NamedScope {
  readonly scope: FlagScope;
  readonly name: string | undefined;
}

/** The one scope that the options name. @throws CliError usage */
function namedScope(options: StopOptions): NamedScope {
  const named: NamedScope[] = [];
  if (options.all === true) named.push({ scope: "global", name: undefined });
  if (options.queue !== undefined) named.push({ scope: "queue", name: options.queue });
  else if (options.tenant !== undefined) named.push({ scope: "tenant", name: options.tenant });
  if (options.type !== undefined) named.push({ scope: "job_type", name: options.type });
  if (options.model !== undefined) named.push({ scope: "model", name: options.model });
  if (options.bulk !== undefined) named.push({ scope: "bulk", name: options.bulk });
  const [only, ...others] = named;
  if (only !== undefined && others.length === 0) return only;
  throw new CliError(exitCodes.usage, "What is to stop?", {
    hint: "Say --all, or name one of --tenant, --queue, --type, --model and --bulk.",
  });
}

async function pull(operator: Operator, { scope, name }: NamedScope, options: StopOptions): Promise<StopRow> {
  const { pool: database, log, actor } = operator;
  const tenantId = scope === "queue" ? await queueOwner(operator, options) : null;
  const target = await resolveTarget(database, { scope, name, tenantId });
  const act = { actor, reason: options.reason, tenantId: installationTenantId };
  return stop({ database, log }, { scope, target, mode: options.mode }, act);
}

const queueOwner = async (operator: Operator, { shared, tenant }: StopOptions): Promise<string> =>
  shared === true ? installationTenantId : (await requireTenant(operator, tenant ?? "default")).id;

async function showList(context: Context, options: CommonOptions & { open?: true }): Promise<void> {
  const page = { openOnly: options.open === true, after: null, rowsMax: cliLimits.rowsShownMax };
  const rows = await asOperator(context.deps, ({ pool }) => listStops(pool, null, page));
  const stops = rows.map(stopDocument);
  context.print(options, { stops }, () =>
    listing(
      ["ID", "STATE", "STOPPED", "MODE", "SET (UTC)", "BY", "REASON"],
      stops.map((one) => [
        one.id,
        one.state,
        stoppedText(one),
        one.mode,
        instant(one.set_at),
        one.set_by,
        one.reason,
      ]),
      options.open === true ? "No stop is in force." : "Nothing was ever stopped here.",
    ),
  );
}

function addShow(stops: Command, context: Context): void {
  common(stops.command("show").argument("<id>", "of the stop"))
    .description("print the receipt of a stop as it stands now")
    .action(async (id: string, options: CommonOptions) => {
      const receipt = await asOperator(context.deps, async ({ pool }) =>
        documentOf(pool, await requireStop({ database: pool }, id, null)),
      );
      context.print(options, receipt, () => receiptText(receipt));
    });
}

function addLift(program: Command, context: Context): void {
  common(program.command("lift").argument("<id>", `of the stop; ${sluice} stops --open lists them`))
    .description("lift a stop; its work comes back gently")
    .requiredOption("--reason <text>", "why; it stands in the audit trail", reasonText)
    .action(async (id: string, options: CommonOptions & { reason: string }) => {
      const receipt = await asOperator(context.deps, async ({ pool, log, actor }) => {
        const by = { actor, reason: options.reason, tenantId: null };
        return documentOf(pool, await lift({ database: pool, log }, id, by));
      });
      context.print(
        options,
        receipt,
        () => `The stop of ${stoppedText(receipt)} is lifted. What is stopped or paused by itself stays so.`,
      );
    });
}

function reasonText(text: string): string {
  const trimmed = text.trim();
  if (trimmed === "" || trimmed.length > cliLimits.reasonCharsMax || /\p{Cc}/u.test(trimmed))
    throw new InvalidArgumentError(`It must be one line of 1 to ${cliLimits.reasonCharsMax} characters.`);
  return trimmed;
}

function seconds(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError("It must be a whole number of seconds.");
  return Number(text);
}
