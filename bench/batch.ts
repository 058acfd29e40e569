// Batch: from the first byte of an upload of 100,000 lines to the last stored result, through message batches of the default
// size. A small bulk warms up and does not count. Afterwards the books are checked line by line, and against the provider's bill.

import { join } from "node:path";
import { requireBooked, waitForBulk } from "./bulk.ts";
import type { BenchContext } from "./figures.ts";
import { openBenchInstallation } from "./installation.ts";
import { cycled, writeUpload } from "./lines.ts";

const lines = 100_000;
const warmUpLines = 3_000;

export interface BatchFigures {
  jobsPerS: number;
  rssMb: number | null;
}

export async function measureBatch({ stores, backend, questions, say }: BenchContext): Promise<BatchFigures> {
  const file = (name: string, count: number): Promise<string> =>
    writeUpload(join(stores.dir, name), {
      lines: count,
      labels: questions.labels,
      textOf: cycled(questions),
    });
  const warmUp = await file("warm-up.ndjson", warmUpLines);
  const upload = await file("batch.ndjson", lines);
  const installation = await openBenchInstallation(stores, backend);
  try {
    await waitForBulk(installation, (await installation.upload(warmUp)).id, () => undefined);
    const startedAt = performance.now();
    const { id, ms } = await installation.upload(upload);
    say(`batch: accepted after ${(ms / 1_000).toFixed(1)} s`);
    await waitForBulk(installation, id, () => undefined);
    const seconds = (performance.now() - startedAt) / 1_000;
    await requireBooked(installation, { id, lines });
    const jobsPerS = Math.round(lines / seconds);
    say(`batch: ${lines} lines stored after ${seconds.toFixed(1)} s, ${jobsPerS}/s`);
    return { jobsPerS, rssMb: installation.peakMb() };
  } finally {
    await installation.close();
  }
}
