// The lines of an upload, from either of its two forms. NDJSON is a stream and never held; the JSON form has been read whole.
import { limits } from "../config/limits.ts";
import { ServiceError } from "../domain/errors.ts";
import { LineSplitter } from "./line-splitter.ts";
import { readLine, type ReadLine, readValue } from "./read-line.ts";

/**
 * The lines of an NDJSON stream, as they arrive.
 * @throws ServiceError too_many_lines, and what reading the stream throws
 */
export async function* ndjsonLines(
  chunks: AsyncIterable<Buffer>,
  bounds: { uploadLinesMax: number; lineBytesMax: number },
): AsyncGenerator<ReadLine[]> {
  const { uploadLinesMax, lineBytesMax } = bounds;
  const splitter = new LineSplitter(lineBytesMax);
  for await (const chunk of chunks) {
    const raw = splitter.push(chunk);
    if (splitter.lines > uploadLinesMax) throw tooManyLines(uploadLinesMax);
    yield raw.map((line) => readLine(line, lineBytesMax));
  }
  const last = splitter.end();
  if (splitter.lines > uploadLinesMax) throw tooManyLines(uploadLinesMax);
  yield last.map((line) => readLine(line, lineBytesMax));
}

/**
 * The jobs of the JSON form, in chunks, so that a long list does not hold up everybody else.
 * @throws ServiceError too_many_lines
 */
export async function* jsonLines(jobs: readonly unknown[]): AsyncGenerator<ReadLine[]> {
  if (jobs.length > limits.jsonJobsMax)
    throw new ServiceError("too_many_lines", {
      detail: `The JSON form takes at most ${limits.jsonJobsMax} jobs; send more as application/x-ndjson.`,
    });
  for (let from = 0; from < jobs.length; from += jobsPerTurn) {
    yield jobs.slice(from, from + jobsPerTurn).map((job, index) => readEntry(job, from + index + 1));
    // oxlint-disable-next-line no-await-in-loop -- lets other requests have a turn
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const jobsPerTurn = 500;

function readEntry(job: unknown, number: number): ReadLine {
  const line = readValue(job, number);
  if (line.kind !== "shared") return line;
  const reason = "stands beside jobs in this form, not among them";
  return { kind: "invalid", number, errors: [{ field: "shared", reason }] };
}

function tooManyLines(max: number): ServiceError {
  return new ServiceError("too_many_lines", {
    detail: `At most ${max} lines are accepted (SLUICE_UPLOAD_LINES_MAX).`,
  });
}
