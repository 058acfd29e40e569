// The results of a run as a file: NDJSON, a line a job, as the API gives them. Every line says who answered, so that a line that
// was copied out of a simulated run can never be taken for an answer of the real model.
import { createWriteStream } from "node:fs";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import type { Client } from "../../src/cli/client.ts";

const resultRow = z.record(z.string(), z.unknown());

/** Writes the file and answers with its lines. `provider` is `SIMULATED`, or the host that was called. */
export async function writeResults(
  client: Client,
  bulkId: string,
  to: { file: string; provider: string },
): Promise<number> {
  const rows = await client.stream(`/v1/bulks/${bulkId}/results`);
  let lines = 0;
  const marked = async function* marked(): AsyncGenerator<string> {
    for await (const row of createInterface({ input: rows, crlfDelay: Infinity })) {
      if (row === "") continue;
      lines += 1;
      yield `${JSON.stringify({ provider: to.provider, ...resultRow.parse(JSON.parse(row)) })}\n`;
    }
  };
  await pipeline(Readable.from(marked()), createWriteStream(to.file));
  return lines;
}
