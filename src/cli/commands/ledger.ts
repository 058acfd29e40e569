// sluice reprice and reconcile: whether the books are right, and putting them right.
import { type Command, InvalidArgumentError } from "commander";
import { limits } from "../../config/limits.ts";
import { systemClock } from "../../config/clock.ts";
import { comparedBy, dayAfter, dayText, type ComparedRow } from "../../domain/reconcile.ts";
import { ServiceError } from "../../domain/errors.ts";
import { formatUsd } from "../../domain/money.ts";
import { reconcile, type Reconciliation } from "../../money/reconcile.ts";
import { reprice, type RepricedModel } from "../../money/reprice.ts";
import { common, type CommonOptions, type Context } from "../context.ts";
import { CliError, exitCodes } from "../exit-codes.ts";
import { figureSourceOf } from "../figure-source.ts";
import { asOperator } from "../operator.ts";
import { configOf } from "../settings.ts";
import { table } from "../output.ts";

export function addLedgerCommands(program: Command, context: Context): void {
  addReprice(program, context);
  addReconcile(program, context);
}

interface RepriceOptions extends CommonOptions {
  readonly from?: Date;
  readonly to?: Date;
  readonly model?: string;
  readonly dryRun?: true;
}

function addReprice(program: Command, context: Context): void {
  common(program.command("reprice"))
    .description("price attempts again by the table of this version and book the differences as corrections")
    .option("--from <time>", "only attempts priced at or after this instant (RFC 3339 or a day)", instantOf)
    .option("--to <time>", "only attempts priced before this instant", instantOf)
    .option("--model <id>", "only attempts of this model")
    .option("--dry-run", "say what would be booked, and book nothing")
    .action(async (options: RepriceOptions) => {
      const dryRun = options.dryRun === true;
      const models = await asOperator(context.deps, ({ pool, log, actor }) =>
        reprice(
          { pool, log, actor },
          {
            since: options.from ?? new Date(0),
            until: options.to ?? new Date(systemClock.now().getTime() + dayMs),
            model: options.model ?? null,
            dryRun,
          },
        ),
      );
      const shown = models.map((each) => ({
        model: each.model,
        checked: each.checked,
        corrected: each.corrected,
        unpriced: each.unpriced,
        change_usd: formatUsd(each.changeNano),
      }));
      context.print(options, { dry_run: dryRun, models: shown }, () => repriceText(models, dryRun));
    });
}

const dayMs = 86_400_000;

function repriceText(models: readonly RepricedModel[], dryRun: boolean): string {
  if (models.length === 0) return "No attempt is in question.";
  const corrected = models.reduce((sum, each) => sum + each.corrected, 0);
  return [
    table(
      ["MODEL", "CHECKED", dryRun ? "WRONG" : "CORRECTED", "NO PRICE", "CHANGE"],
      models.map((each) => [
        each.model,
        each.checked,
        each.corrected,
        each.unpriced,
        `$${formatUsd(each.changeNano)}`,
      ]),
    ),
    corrected === 0
      ? "Every attempt costs what the table says."
      : dryRun
        ? "Nothing was booked: run it without --dry-run."
        : "Booked as corrections; what was booked before stays as it is.",
  ].join("\n");
}

interface ReconcileOptions extends CommonOptions {
  readonly from?: Date;
  readonly to?: Date;
  readonly apiKeyId: readonly string[];
  readonly workspaceId: readonly string[];
}

const several = (value: string, all: readonly string[]): string[] => [...all, value];

function addReconcile(program: Command, context: Context): void {
  common(program.command("reconcile"))
    .description("lay the ledger beside the provider's figures; exit code 6 above 1 % unexplained")
    .option("--from <day>", "first UTC day (default: six days ago)", instantOf)
    .option("--to <day>", "last UTC day, included (default: today)", instantOf)
    .option("--api-key-id <id>", "only usage of this key; may be given several times", several, [])
    .option("--workspace-id <id>", "only usage of this workspace; may be given several times", several, [])
    .action(async (options: ReconcileOptions) => {
      const config = configOf(context.deps);
      const found = figureSourceOf(config, {
        apiKeyIds: options.apiKeyId,
        workspaceIds: options.workspaceId,
        bucketWidth: "1d",
      });
      if (found === undefined)
        throw new CliError(exitCodes.usage, "The provider's figures need an admin key.", {
          hint: "Set ANTHROPIC_ADMIN_KEY to an admin key of the organisation, or SLUICE_PROVIDER_URL where the provider is a simulator.",
        });
      const nowMs = systemClock.now().getTime();
      const span = {
        since: dayText(options.from?.getTime() ?? nowMs - 6 * dayMs),
        until: dayAfter(dayText(options.to?.getTime() ?? nowMs)),
      };
      const { source, cost, close } = found;
      const [result, beside] = await asOperator(context.deps, async ({ pool }) => {
        const deps = { pool, clock: systemClock };
        return [
          await reconcile(deps, source, span),
          cost === null ? null : await costBeside(() => reconcile(deps, cost, span)),
        ] as const;
      }).finally(() => void close());
      const document = {
        ...reconciliationDocument(result, source.describe, span),
        cost: beside instanceof ServiceError ? { error: wordsOf(beside) } : beside && costDocument(beside),
      };
      context.print(options, document, () =>
        [reconciliationText(result, source.describe, span), ...costText(beside, span)].join("\n"),
      );
      const matches = result.matches && (beside === null || beside instanceof ServiceError || beside.matches);
      context.end(matches ? exitCodes.done : exitCodes.unexplained);
    });
}

type Beside = Reconciliation | ServiceError | null;

/** An organisation may have no cost report, which is said and changes nothing else. */
async function costBeside(read: () => Promise<Reconciliation>): Promise<Reconciliation | ServiceError> {
  try {
    const cost = await read();
    // What is billed by the use of a tool has no model there; it is in the sums of days.
    const byDay = cost.rows.filter(({ by }) => by !== "model");
    const matches = byDay.every((row) => row.unexplainedBasisPoints <= limits.unexplainedBasisPointsMax);
    return { ...cost, matches };
  } catch (error) {
    if (error instanceof ServiceError && error.code === "figures_unavailable") return error;
    throw error;
  }
}

const wordsOf = (error: ServiceError): string => error.detail ?? error.message;

const costDocument = (cost: Reconciliation) => ({
  source: "cost report",
  matches: cost.matches,
  rows: cost.rows.map(rowDocument),
});

function costText(cost: Beside, span: Span): string[] {
  if (cost === null) return [];
  if (cost instanceof ServiceError) return ["", `Without the provider's own money: ${wordsOf(cost)}`];
  return ["", reconciliationText(cost, "the cost report: dollars as the provider has computed them", span)];
}

type Span = { readonly since: string; readonly until: string };

const reconciliationDocument = (result: Reconciliation, source: string, span: Span) => ({
  source,
  since: span.since,
  until: span.until,
  matches: result.matches,
  unpriced_models: result.unpriced,
  rows: result.rows.map(rowDocument),
});

function rowDocument(row: ComparedRow) {
  return {
    by: row.by,
    name: row.name,
    settled_usd: formatUsd(row.settledNano),
    presumed_usd: formatUsd(row.presumedNano),
    provider_usd: formatUsd(row.providerNano),
    difference_usd: formatUsd(row.differenceNano),
    explained_usd: formatUsd(row.explainedNano),
    unexplained_usd: formatUsd(row.unexplainedNano),
    unexplained_pct: row.unexplainedBasisPoints / 100,
    because: row.because,
  };
}

const usd = (nano: bigint): string => `$${formatUsd(nano)}`;

const cells = (row: ComparedRow) => [
  row.by === "whole" ? "whole span" : row.name,
  usd(row.settledNano),
  usd(row.presumedNano),
  usd(row.providerNano),
  usd(row.differenceNano),
  usd(row.explainedNano),
  usd(row.unexplainedNano),
  `${(row.unexplainedBasisPoints / 100).toFixed(2)}%`,
  row.because.join(", "),
];

function reconciliationText(result: Reconciliation, source: string, span: Span): string {
  const head = ["SETTLED", "PRESUMED", "PROVIDER", "DIFFERENCE", "EXPLAINED", "UNEXPLAINED", "", "BECAUSE"];
  const tables = comparedBy.flatMap((by) => {
    const rows = result.rows.filter((row) => row.by === by);
    return rows.length === 0 ? [] : [table([by.toUpperCase(), ...head], rows.map(cells)), ""];
  });
  const unpriced = result.unpriced.map((model) => `The price table has no price for ${model}.`);
  return [
    `${span.since} until ${span.until}, beside ${source}.`,
    "",
    ...tables,
    ...unpriced,
    result.matches ? "The books match." : "The books do not match: see docs/reconcile.md.",
  ].join("\n");
}

/** A day or an instant. */
function instantOf(text: string): Date {
  const ms = /^\d{4}-\d{2}-\d{2}([T ].*)?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) throw new InvalidArgumentError("It must be a day or an RFC 3339 time.");
  return new Date(ms);
}
