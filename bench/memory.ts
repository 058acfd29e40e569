// Memory: one message batch of the provider's maximum of 256 MB, streamed out as a request and in as results.

import { join } from "node:path";
import pg from "pg";
import { requireBooked, waitForBulk } from "./bulk.ts";
import type { BenchContext } from "./figures.ts";
import { openBenchInstallation } from "./installation.ts";
import { longer, writeUpload } from "./lines.ts";

/** A few more lines of about 3 KB than fit: what is over goes into a second, small batch. */
const lines = 90_000;
const textChars = 1_800;
const bytesMax = 256_000_000;
const labels = ["card", "transfer", "top_up", "refund", "identity"];

export async function measureMemory({
  stores,
  backend,
  questions,
  say,
}: BenchContext): Promise<number | null> {
  const file = await writeUpload(join(stores.dir, "large.ndjson"), {
    lines,
    labels,
    textOf: longer(questions, textChars),
  });
  const installation = await openBenchInstallation(stores, backend, {
    settings: { SLUICE_BATCH_BYTES_MAX: String(bytesMax), SLUICE_BATCH_LINES_MAX: "100000" },
  });
  try {
    const { id } = await installation.upload(file);
    await waitForBulk(installation, id, () => undefined);
    await requireBooked(installation, { id, lines });
    const largest = await largestBatch(installation.databaseUrl);
    if (largest < bytesMax * 0.97) throw new Error(`the largest message batch had ${largest} bytes only`);
    const peak = installation.peakMb();
    say(
      `memory: ${peak === null ? "not known here" : `${Math.round(peak)} MB`} at most, with a message batch of ${Math.round(largest / 1_000_000)} MB`,
    );
    return peak;
  } finally {
    await installation.close();
  }
}

async function largestBatch(databaseUrl: string): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client.query<{ bytes: string }>(
    "SELECT max(body_bytes) AS bytes FROM message_batches",
  );
  await client.end();
  return Number(rows[0]?.bytes ?? 0);
}
