// One side of the realtime benchmark: Sluice, its dispatcher and worker in this process, the full path on: claim, hold under a
// budget, attempt record, settlement, ledger, result.

import pg from "pg";
import { parseConfig } from "../../src/config/config.ts";
import { createLogger } from "../../src/observe/log.ts";
import { startService } from "../../src/processes/service.ts";
import { setBudget, submitBulk } from "../../test/support/submit.ts";
import { answerRequests } from "../children.ts";
import { inputsOf, labels } from "./inputs.ts";

const config = parseConfig(process.env);
const log = createLogger({ level: config.logLevel, format: "line", fieldCharsMax: 200 });
const service = await startService(config, log);
const databaseUrl = config.databaseUrl ?? "";
const db = new pg.Client({ connectionString: databaseUrl });
await db.connect();
await setBudget(db, 1_000_000_000_000n);

answerRequests(
  async ({ jobs }) => {
    const bulkId = await submitBulk(databaseUrl, {
      lane: "realtime",
      inputs: inputsOf(Number(jobs)),
      shared: { labels },
    });
    const startedAt = new Date();
    for (;;) {
      const { rows } = await db.query<{ left: string; ms: number }>(
        `SELECT count(*) FILTER (WHERE finished_at IS NULL) AS left,
                (extract(epoch FROM max(finished_at) - $2::timestamptz) * 1000)::float8 AS ms FROM jobs WHERE bulk_id = $1`,
        [bulkId, startedAt],
      );
      if (rows[0]?.left === "0") return { ms: rows[0].ms };
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  },
  async () => {
    await db.end();
    await service.close();
  },
);
