// Asks PostgreSQL what a statement takes and returns, by Parse and Describe of the wire protocol: nothing is executed.
import type { Client as PgClient, Connection } from "pg";

interface Field {
  readonly name: string;
  readonly dataTypeID: number;
  /** 0 for a computed column. */
  readonly tableID: number;
  readonly columnID: number;
}

interface Description {
  readonly parameterTypeIds: readonly number[];
  readonly fields: readonly Field[];
}

interface ParameterDescription {
  readonly dataTypeIDs: readonly number[];
}

/** Describes one statement. Rejects with PostgreSQL's error if it does not fit the schema. */
export function describeStatement(client: PgClient, text: string): Promise<Description> {
  return new Promise((resolve, reject) => {
    let fields: readonly Field[] = [];
    let parameterTypeIds: readonly number[] = [];
    let failure: Error | undefined;
    // pg hands a "submittable" the connection and every message of its turn.
    client.query({
      submit(connection: Connection) {
        connection.once("parameterDescription", (message: ParameterDescription) => {
          parameterTypeIds = message.dataTypeIDs;
        });
        connection.parse({ name: "", text, types: [] }, true);
        connection.describe({ type: "S", name: "" }, true);
        connection.sync();
      },
      handleRowDescription(message: { fields: readonly Field[] }) {
        fields = message.fields;
      },
      handleError(error: Error) {
        failure = error;
        reject(error);
      },
      handleReadyForQuery() {
        if (failure === undefined) resolve({ parameterTypeIds, fields });
      },
    });
  });
}
