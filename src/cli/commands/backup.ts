// sluice backup, restore and recover: keeping the books, getting them back, and closing the gap between.
import { stat } from "node:fs/promises";
import { createInterface } from "node:readline/promises";
import { type Command, InvalidArgumentError } from "commander";
import { systemClock } from "../../config/clock.ts";
import { formatUsd, parseUsd } from "../../domain/money.ts";
import { backup } from "../../upkeep/backup.ts";
import { restore } from "../../upkeep/restore.ts";
import { common, type CommonOptions, type Context } from "../context.ts";
import { CliError, exitCodes } from "../exit-codes.ts";
import { asOperator, asRestorer } from "../operator.ts";
import { instant, table } from "../output.ts";
import { recover, type Recovery } from "../recover.ts";
import { sluice } from "../typed.ts";

export function addBackupCommands(program: Command, context: Context): void {
  addBackup(program, context);
  addRestore(program, context);
  addRecover(program, context);
}

interface RestoreOptions extends CommonOptions {
  readonly force?: true;
  readonly yes?: true;
}

function addBackup(program: Command, context: Context): void {
  common(program.command("backup").argument("<file>", "where to write it, such as sluice.backup.gz"))
    .description("write everything but the queue to one file, in one snapshot, while the service runs")
    .action(async (file: string, options: CommonOptions) => {
      if ((await stat(file).catch(() => undefined)) !== undefined)
        throw new CliError(exitCodes.usage, `${file} is there already.`, { hint: "Give another name." });
      const report = await asOperator(context.deps, ({ pool }) =>
        backup(pool, file).catch((error: unknown) => Promise.reject(fileError(error, file))),
      );
      const shown = {
        file,
        snapshot_at: report.snapshotAt,
        sha256: report.sha256,
        rows: Object.fromEntries(report.rows),
      };
      context.print(options, shown, () =>
        [
          `${total(report.rows)} rows of ${instant(report.snapshotAt)} UTC written to ${file}.`,
          `sha256 ${report.sha256}`,
          "It holds what jobs were sent and answered: keep it where such data may be.",
        ].join("\n"),
      );
    });
}

const total = (rows: ReadonlyMap<string, number>): number =>
  [...rows.values()].reduce((sum, count) => sum + count, 0);

function fileError(error: unknown, file: string): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (!/^E[A-Z]+$/.test(code)) return error;
  return new CliError(exitCodes.usage, `${file} cannot be read or written (${code}).`, {
    hint: "Give a path of this machine with room and rights.",
  });
}

function addRestore(program: Command, context: Context): void {
  common(program.command("restore").argument("<file>", `a file that ${sluice} backup has written`))
    .description(`restore a backup into an empty database; everything is stopped until ${sluice} recover`)
    .option("--force", "replace what the database holds; asks first")
    .option("--yes", "with --force: do not ask")
    .action(async (file: string, options: RestoreOptions) => {
      const report = await asRestorer(context.deps, async (restorer) => {
        const choice = {
          force: options.force === true,
          ...(options.yes === true ? {} : { confirm: () => confirm(context, restorer.database) }),
        };
        return restore({ ...restorer, clock: systemClock }, file, choice).catch((error: unknown) =>
          Promise.reject(fileError(error, file)),
        );
      });
      const shown = {
        file,
        snapshot_at: report.snapshotAt,
        rows: Object.fromEntries(report.rows),
        doubtful_batches: report.doubtful,
      };
      context.print(options, shown, () =>
        [
          `${total(report.rows)} rows of ${instant(report.snapshotAt)} UTC restored; every count and hash is right.`,
          "Everything is stopped: what was spent since is not in these books yet.",
          `Next: ${sluice} recover`,
        ].join("\n"),
      );
    });
}

async function confirm(context: Context, database: string): Promise<void> {
  const { stdin, stderr } = context.deps;
  stderr.write(`Everything in ${database} is replaced. Type "replace" to go on: `);
  const lines = createInterface({ input: stdin });
  const next = await lines[Symbol.asyncIterator]().next();
  lines.close();
  if (next.done === true || next.value.trim() !== "replace")
    throw new CliError(exitCodes.usage, "Nothing was restored.", { hint: "Type replace, or say --yes." });
}

interface RecoverOptions extends CommonOptions {
  readonly realtimeUsd?: bigint;
  readonly ours: readonly string[];
  readonly foreign: readonly string[];
  readonly cancelRunning?: true;
  readonly waitS: number;
  readonly apiKeyId: readonly string[];
  readonly workspaceId: readonly string[];
}

const several = (value: string, all: readonly string[]): string[] => [...all, value];

function addRecover(program: Command, context: Context): void {
  common(program.command("recover"))
    .description("after a restore: find and book what the provider did since, then lift the stop")
    .option("--realtime-usd <dollars>", "what realtime calls cost since the backup, if you know it", dollars)
    .option(
      "--ours <batch>",
      "a batch at the provider that is ours, which nothing here can prove",
      several,
      [],
    )
    .option("--foreign <batch>", "a batch at the provider that is somebody else's", several, [])
    .option(
      "--cancel-running",
      "cancel batches that still run and wait for their end: only in a workspace of our own",
    )
    .option("--wait-s <seconds>", "how long to wait for each", seconds, 600)
    .option("--api-key-id <id>", "only usage of this key; may be given several times", several, [])
    .option("--workspace-id <id>", "only usage of this workspace; may be given several times", several, [])
    .action(async (options: RecoverOptions) => {
      const recovery = await asOperator(context.deps, (operator) =>
        recover(context.deps, operator, {
          realtimeNano: options.realtimeUsd ?? null,
          ours: options.ours,
          foreign: options.foreign,
          cancelForMs: options.cancelRunning === true ? options.waitS * 1_000 : 0,
          apiKeyIds: options.apiKeyId,
          workspaceIds: options.workspaceId,
        }),
      );
      context.print(options, recoveryDocument(recovery), () => recoveryText(recovery));
      context.end(recovery.kind === "unfinished" ? exitCodes.unrecovered : exitCodes.done);
    });
}

const recoveryDocument = (recovery: Recovery) =>
  recovery.kind === "nothing"
    ? { recovered: false, restored: false }
    : {
        restored: true,
        recovered: recovery.kind === "recovered",
        snapshot_at: recovery.snapshotAt,
        realtime_usd: formatUsd(recovery.realtimeNano),
        realtime_from: recovery.realtimeFrom,
        batches: recovery.batches.map((batch) => ({
          provider_id: batch.providerId,
          kind: batch.kind,
          lines: batch.lines,
          cost_usd: formatUsd(batch.costNano),
          results_lost: batch.lost,
        })),
      };

function recoveryText(recovery: Recovery): string {
  if (recovery.kind === "nothing") return "This database is not waiting for a recovery.";
  const batches =
    recovery.batches.length === 0
      ? "No message batch of the provider is unknown here."
      : table(
          ["BATCH", "WHAT", "LINES", "COST", "RESULTS LOST"],
          recovery.batches.map((batch) => [
            batch.providerId,
            batch.kind,
            batch.lines,
            `$${formatUsd(batch.costNano)}`,
            batch.lost,
          ]),
        );
  return [
    `Since ${instant(recovery.snapshotAt)} UTC:`,
    batches,
    `Realtime: $${formatUsd(recovery.realtimeNano)} by ${recovery.realtimeFrom}, counted against every budget.`,
    recovery.kind === "recovered"
      ? "All of it is booked. The stop of the restore is lifted."
      : "Not all of it could be booked: everything stays stopped. docs/backup.md says what to do about running, unproved and unread batches.",
  ].join("\n");
}

function dollars(text: string): bigint {
  const nano = parseUsd(text.replace(/^\$/, ""));
  if (nano === null) throw new InvalidArgumentError("It must be dollars, such as 12.50.");
  return nano;
}

function seconds(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError("It must be a number of seconds.");
  return Number(text);
}
