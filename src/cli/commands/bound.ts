// sluice bound: what makes holds smaller, and the way back on for what has switched itself off. On the database itself, as the
// operator of the machine: whoever answers for the bill decides.
import { type Command, InvalidArgumentError } from "commander";
import { limits } from "../../config/limits.ts";
import {
  countMarginBpDefault,
  countMarginBpMax,
  countSamplesMin,
  isTrusted,
} from "../../domain/count-trust.ts";
import { ServiceError } from "../../domain/errors.ts";
import { findModel } from "../../domain/models.ts";
import { rightSizing } from "../../domain/right-size.ts";
import { renewSizes, renewTrust } from "../../money/bounds.ts";
import { silentLog } from "../../observe/log.ts";
import { readTrusts } from "../../postgres/count-trust.ts";
import type { ModelTrust } from "../../postgres/count-trust.ts";
import { readSizes } from "../../postgres/right-sizes.ts";
import type { TypeSize } from "../../postgres/right-sizes.ts";
import { common, type CommonOptions, type Context } from "../context.ts";
import { CliError, exitCodes } from "../exit-codes.ts";
import { asOperator } from "../operator.ts";
import { table } from "../output.ts";
import { sluice } from "../typed.ts";

export function addBoundCommands(program: Command, context: Context): void {
  const bound = program
    .command("bound")
    .description("what makes holds smaller: counts by model, caps by job type");
  addList(bound, context);
  addTrust(bound, context);
  addSize(bound, context);
}

function addList(bound: Command, context: Context): void {
  common(bound.command("list"))
    .description("how far counts are believed, and which caps are sent")
    .action(async (options: CommonOptions) => {
      const { trusts, sizes } = await asOperator(context.deps, async ({ pool }) => ({
        trusts: [...(await readTrusts(pool)).values()],
        sizes: await readSizes(pool, null),
      }));
      context.print(options, { counts: trusts, right_sizes: sizes }, () =>
        [
          trusts.length === 0 ? "Nothing was counted yet." : countTable(trusts),
          sizes.length === 0 ? "No job type is right-sized." : sizeTable(sizes),
        ].join("\n\n"),
      );
    });
}

const countTable = (trusts: readonly ModelTrust[]): string =>
  table(
    ["MODEL", "COUNTS", "MARGIN", "WORST", "SAMPLES"],
    trusts.map((trust) => [
      trust.model,
      trust.offReason === null
        ? isTrusted(trust)
          ? "used"
          : `used from ${countSamplesMin} on`
        : `off: ${trust.offReason}`,
      `${trust.marginBp / 100}%`,
      `${trust.worstBp / 100}%`,
      trust.samples,
    ]),
  );

const sizeTable = (sizes: readonly TypeSize[]): string =>
  table(
    ["TYPE", "VERSION", "MODEL", "MAX_TOKENS", "SAMPLES", "CUT"],
    sizes.map((size) => [
      size.jobType,
      size.promptVersion,
      size.model,
      size.offReason === null ? (size.cap ?? declaredWhy(size)) : `off: ${size.offReason}`,
      size.samples,
      `${size.truncated} of ${size.sized}`,
    ]),
  );

const declaredWhy = ({ samples }: TypeSize): string =>
  samples < rightSizing.samplesMin ? `declared, until ${rightSizing.samplesMin} samples` : "declared";

interface ActOptions extends CommonOptions {
  readonly reason: string;
}

function addTrust(bound: Command, context: Context): void {
  common(bound.command("trust").argument("<model>", "name of the model"))
    .description("begin anew with the counts of a model; they are used once enough bills agree again")
    .requiredOption("--reason <text>", "why", reasonText)
    .option("--margin-pct <percent>", "what is added to a count", percent, countMarginBpDefault / 100)
    .action(async (model: string, options: ActOptions & { marginPct: number }) => {
      const marginBp = Math.round(options.marginPct * 100);
      await asOperator(context.deps, ({ pool, actor }) =>
        renewTrust({ pool, log: silentLog }, { model, marginBp, reason: options.reason, actor }).catch(
          (error: unknown) => Promise.reject(nothingOff(error, neverCounted(model))),
        ),
      );
      context.print(
        options,
        { model, margin_pct: options.marginPct },
        () => `The counts of ${model} begin anew, with a margin of ${options.marginPct} %.`,
      );
    });
}

function addSize(bound: Command, context: Context): void {
  common(bound.command("size").argument("<type>", "name of the job type"))
    .description("let a job type be right-sized again")
    .requiredOption("--reason <text>", "why", reasonText)
    .action(async (jobType: string, options: ActOptions) => {
      await asOperator(context.deps, ({ pool, actor }) =>
        renewSizes({ pool, log: silentLog }, { jobType, reason: options.reason, actor }).catch(
          (error: unknown) => Promise.reject(nothingOff(error, `No right-sizing of ${jobType} is off.`)),
        ),
      );
      context.print(options, { type: jobType }, () => `${jobType} is right-sized again.`);
    });
}

function neverCounted(model: string): string {
  if (findModel(model) === undefined) return `${model} is the name of no model known here.`;
  return `Requests of ${model} were never counted: there is nothing to begin anew.`;
}

/** What has nothing to begin anew is neither missing nor somebody else's, as the catalogue has it for ids. */
function nothingOff(error: unknown, message: string): unknown {
  if (!(error instanceof ServiceError) || error.code !== "not_found") return error;
  return new CliError(exitCodes.refused, message, {
    hint: `${sluice} bound list shows what was counted and sized, and what is off.`,
  });
}

function percent(text: string): number {
  const value = Number(text);
  if (!(value >= 0 && value <= countMarginBpMax / 100))
    throw new InvalidArgumentError(`It must be 0 to ${countMarginBpMax / 100}.`);
  return value;
}

function reasonText(text: string): string {
  const reason = text.trim();
  if (reason === "" || reason.length > limits.reasonCharsMax || /[\p{Cc}\p{Surrogate}]/u.test(reason))
    throw new InvalidArgumentError(`It must be one line of 1 to ${limits.reasonCharsMax} characters.`);
  return reason;
}
