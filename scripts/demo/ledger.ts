// Reads the books themselves, past the API: the bill is to be held against what is stored, not against what is shown.
import { readServerRecord } from "../../src/config/data-dir/connection-file.ts";
import pg from "pg";

/** Request ids of the realtime calls whose answer was booked by its usage, in the embedded database of a data directory. */
export async function settledRequestIds(dataDir: string): Promise<ReadonlySet<string>> {
  const record = await readServerRecord(dataDir, "postgres");
  const client = new pg.Client({ connectionString: record?.url });
  await client.connect();
  try {
    const { rows } = await client.query<{ request_id: string }>(
      "SELECT request_id FROM attempts WHERE lane = 'realtime' AND state = 'settled' AND request_id IS NOT NULL",
    );
    return new Set(rows.map((row) => row.request_id));
  } finally {
    await client.end();
  }
}
