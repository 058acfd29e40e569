// Runs a statement that a person has typed: `sluice sql`, for machines without psql. Everything else names a file of queries/.
import { databaseFault, type Pool } from "./pool.ts";

export interface StatementAnswer {
  /** What was done, such as SELECT or UPDATE. */
  readonly command: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
  /** Rows returned or changed. */
  readonly rowCount: number;
}

/** Runs one statement. @throws ServiceError database_unavailable | database_timeout; pg's own errors as they are */
export async function runStatement(pool: Pool, text: string): Promise<StatementAnswer> {
  try {
    const answer = await pool.query<unknown[]>({ text, values: [], rowMode: "array" });
    return {
      command: answer.command,
      columns: answer.fields.map(({ name }) => name),
      rows: answer.rows,
      rowCount: answer.rowCount ?? 0,
    };
  } catch (error) {
    throw databaseFault(error);
  }
}
