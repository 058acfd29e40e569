// Upload: how fast lines are read, validated, rendered, priced and committed. The queue is paused, so that nothing else runs; a
// first upload warms up and does not count, then the median of three.

import { join } from "node:path";
import type { BenchContext } from "./figures.ts";
import { openBenchInstallation } from "./installation.ts";
import { cycled, longer, writeUpload } from "./lines.ts";
import { median } from "./median.ts";

const smallLines = 60_000;
const longLines = 15_000;
const longChars = 2_950;
const rounds = 3;

export interface UploadFigures {
  smallLinesPerS: number;
  longLinesPerS: number;
  rssMb: number | null;
}

export async function measureUpload({
  stores,
  backend,
  questions,
  say,
}: BenchContext): Promise<UploadFigures> {
  const { labels } = questions;
  const small = await writeUpload(join(stores.dir, "small.ndjson"), {
    lines: smallLines,
    labels,
    textOf: cycled(questions),
  });
  const long = await writeUpload(join(stores.dir, "long.ndjson"), {
    lines: longLines,
    labels,
    textOf: longer(questions, longChars),
  });
  const installation = await openBenchInstallation(stores, backend);
  try {
    await installation.call("POST", "/v1/queues/default/pause", { reason: "benchmark of uploads" });
    const rate = async (file: string, lines: number): Promise<number> => {
      await installation.upload(file);
      const times: number[] = [];
      for (let round = 0; round < rounds; round += 1) {
        const { ms, accepted } = await installation.upload(file);
        if (accepted !== lines) throw new Error(`${accepted} of ${lines} lines were accepted`);
        times.push(ms);
      }
      return Math.round((lines * 1_000) / median(times));
    };
    const smallLinesPerS = await rate(small, smallLines);
    say(`upload: ${smallLinesPerS} lines/s at banking77 size`);
    const longLinesPerS = await rate(long, longLines);
    say(`upload: ${longLinesPerS} lines/s at 3 KB`);
    return { smallLinesPerS, longLinesPerS, rssMb: installation.peakMb() };
  } finally {
    await installation.close();
  }
}
