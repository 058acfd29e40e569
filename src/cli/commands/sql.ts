// sluice sql: one statement on the database, where there is no psql.
import type { Command } from "commander";
import { runStatement } from "../../postgres/any-statement.ts";
import { common, type CommonOptions, type Context } from "../context.ts";
import { CliError, exitCodes } from "../exit-codes.ts";
import { asOperator } from "../operator.ts";
import { type Cell, table } from "../output.ts";

export function addSqlCommand(program: Command, context: Context): void {
  common(program.command("sql").argument("<statement>", "such as \"SELECT sluice_stop('why')\""))
    .description("run one SQL statement on the database and print what it answers")
    .action(async (text: string, options: CommonOptions) => {
      const answer = await asOperator(context.deps, ({ pool }) =>
        runStatement(pool, text).catch((error: unknown) => {
          throw refusal(error);
        }),
      );
      const { columns, rows, rowCount, command } = answer;
      const shown = rows.map((row) => row.map(cellOf));
      const value = { columns, rows: shown, row_count: rowCount };
      context.print(options, value, () =>
        columns.length === 0 ? `${command}: ${rowCount} rows` : table(columns, shown),
      );
    });
}

/** What the database says against a statement; faults of the connection are told as everywhere. */
function refusal(error: unknown): unknown {
  const said = error instanceof Error && "code" in error && /^[0-9A-Z]{5}$/.test(String(error.code));
  return said
    ? new CliError(exitCodes.refused, error.message, { hint: "The database refused the statement." })
    : error;
}

function cellOf(value: unknown): Cell {
  if (value === null || value === undefined) return null;
  if (typeof value === "number" || typeof value === "string") return value;
  if (value instanceof Date) return value.toISOString();
  return typeof value === "bigint" ? value.toString() : JSON.stringify(value);
}
