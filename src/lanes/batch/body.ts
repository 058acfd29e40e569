// The body of a create, streamed from rows: never whole in memory, of exactly the length that was promised in the header.
//
// Every line is rendered again from its stored input and must have the hash it was accepted, bounded and priced with; where its attempt
// has a cap of its own that is put in after the comparison, and the line must then have the bytes its attempt says. And before every chunk the lease is asked once more, with nothing between the question and the bytes. If either fails the
// stream breaks: the socket is destroyed before the promised length is reached, so the provider never saw a whole request and
// nothing was created. Only after the last chunk was handed over can the end be in doubt.

import { ServiceError } from "../../domain/errors.ts";
import { bodyFrame, customIdOf, lineBytes } from "../../domain/pack.ts";
import { traitsOf } from "../../domain/price.ts";
import { reach } from "../../observe/points.ts";
import { readLineRequests } from "../../postgres/message-batch-lines.ts";
import type { LineRequest } from "../../postgres/message-batch-lines.ts";
import { isAsAccepted } from "../accepted.ts";
import type { AcceptedRequest } from "../accepted.ts";
import { batchLaneBounds } from "./bounds.ts";
import type { BatchLaneDeps } from "./deps.ts";

type BodyDeps = Pick<BatchLaneDeps, "pool" | "prepared">;

/** One line of the plan: its job and the size its request has by its row. */
export interface PlannedLine {
  readonly job_id: string;
  readonly request_bytes: number;
}

/** Why a body broke off. */
export type BodyFault = "lease_lost" | "request_changed" | "rows_unavailable";

export interface BatchBody {
  readonly stream: ReadableStream<Uint8Array>;
  /** True once the last byte was handed over: from then on the request may have arrived whole. */
  isComplete(): boolean;
  fault(): BodyFault | null;
}

export interface BodySource {
  readonly batchId: string;
  readonly plan: readonly PlannedLine[];
  isAlive(): boolean;
}

/** The body of these lines, rendered chunk by chunk as the socket takes it. */
export function createBatchBody(deps: BodyDeps, source: BodySource): BatchBody {
  let fault: BodyFault | null = null;
  let complete = false;
  const chunks = renderedChunks(deps, source);

  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    const chunk = await nextChunk(chunks);
    if (typeof chunk === "string") fault = chunk;
    else if (!source.isAlive()) fault = "lease_lost";
    if (fault !== null || typeof chunk === "string") {
      controller.error(new BodyBroken());
      return;
    }
    controller.enqueue(chunk.bytes);
    if (!chunk.last) {
      reach("batch.create_streaming");
      return;
    }
    complete = true;
    controller.close();
    reach("batch.create_sent");
  };
  // Nothing is rendered before the socket asks for it.
  const stream = new ReadableStream<Uint8Array>({ pull }, { highWaterMark: 0 });
  return { stream, isComplete: () => complete, fault: () => fault };
}

interface Chunk {
  readonly bytes: Buffer;
  readonly last: boolean;
}

async function nextChunk(chunks: AsyncGenerator<Chunk, void>): Promise<Chunk | BodyFault> {
  try {
    const next = await chunks.next();
    if (next.done === true) throw new Error("the socket asked for more than there is");
    return next.value;
  } catch (error) {
    return error instanceof RequestChanged ? "request_changed" : "rows_unavailable";
  }
}

/**
 * Rows are read for many chunks at once: a row is what its line says itself, while a chunk repeats in every request what the whole
 * bulk shares, and so holds few of them.
 */
async function* renderedChunks(deps: BodyDeps, source: BodySource): AsyncGenerator<Chunk, void> {
  const { bodyReadLines, bodyReadBytes, bodyChunkLines, bodyChunkBytes } = batchLaneBounds;
  const reads = cut(source.plan, bodyReadLines, bodyReadBytes);
  for (const [read, lines] of reads.entries()) {
    const ids = lines.map((line) => line.job_id);
    // oxlint-disable-next-line no-await-in-loop -- the next rows are read when these are sent
    const requests = await readLineRequests(deps.pool, ids);
    if (requests.length !== lines.length) throw new RequestChanged();
    const chunks = cut(requests, bodyChunkLines, bodyChunkBytes);
    for (const [index, chunk] of chunks.entries()) {
      const first = read === 0 && index === 0;
      const last = read + 1 === reads.length && index + 1 === chunks.length;
      // oxlint-disable-next-line no-await-in-loop -- one chunk in memory at a time
      yield { bytes: await renderChunk(deps, source.batchId, chunk, { first, last }), last };
    }
  }
}

/** Ends a stream; never seen by anybody but the socket. */
class BodyBroken extends Error {
  override readonly name = "BodyBroken";
}

/** Some lines no longer render to what was accepted. */
class RequestChanged extends Error {
  override readonly name = "RequestChanged";
}

/** Looks for the lines that no longer render to what was accepted, without sending anything. */
export async function findChangedRequests(deps: BodyDeps, plan: readonly PlannedLine[]): Promise<string[]> {
  const changed: string[] = [];
  for (const lines of cut(plan, batchLaneBounds.bodyReadLines, batchLaneBounds.bodyReadBytes)) {
    const ids = lines.map((line) => line.job_id);
    // oxlint-disable-next-line no-await-in-loop -- one chunk in memory at a time
    const requests = new Map((await readLineRequests(deps.pool, ids)).map((row) => [row.id, row]));
    for (const id of ids) {
      const request = requests.get(id);
      // oxlint-disable-next-line no-await-in-loop -- prepared bulks are cached; this rarely waits
      if (request === undefined || (await renderExactly(deps, request)) === null) changed.push(id);
    }
  }
  return changed;
}

async function renderChunk(
  deps: BodyDeps,
  batchId: string,
  requests: readonly LineRequest[],
  chunk: { first: boolean; last: boolean },
): Promise<Buffer> {
  // Written into its place at once: joining strings would hold every chunk three times over.
  const bytes = Buffer.allocUnsafe(
    requests.reduce((sum, request) => sum + lineBytes(request.request_bytes), frameOf(chunk)),
  );
  let at = chunk.first ? bytes.write(bodyFrame.head) : 0;
  for (const [index, request] of requests.entries()) {
    // oxlint-disable-next-line no-await-in-loop -- prepared bulks are cached; this rarely waits
    const params = await renderExactly(deps, request);
    if (params === null) throw new RequestChanged();
    if (index > 0 || !chunk.first) at += bytes.write(",", at);
    at += bytes.write(bodyFrame.line(customIdOf(batchId, request.id), params), at);
  }
  if (chunk.last) at += bytes.write(bodyFrame.tail, at);
  return bytes.subarray(0, at);
}

/** Room for what stands before and behind the lines of a chunk. */
const frameOf = (chunk: { first: boolean; last: boolean }): number =>
  (chunk.first ? bodyFrame.head.length : 0) + (chunk.last ? bodyFrame.tail.length : 0);

/**
 * The request's JSON text as it is sent, or null unless it is what was accepted but for the cap of its attempt. Throws when the rows
 * cannot be read.
 */
async function renderExactly({ prepared }: BodyDeps, request: LineRequest): Promise<string | null> {
  try {
    const jobs = await prepared.of(request.bulk_id, request.job_type);
    if (jobs === null) return null;
    const { output_tokens_max: cap, declared_tokens: declared } = request;
    const turns = request.turns ?? [];
    const accepted = jobs.render(request.input, request.prompt_version, { turns });
    if (!isAsAccepted(accepted, acceptedOf(request))) return null;
    const sent =
      cap === null || cap === declared
        ? accepted
        : jobs.render(request.input, request.prompt_version, { turns, maxTokens: cap });
    return sent.bytes === request.request_bytes ? sent.params : null;
  } catch (error) {
    // The database is away: that says nothing about the request.
    if (error instanceof ServiceError) throw error;
    return null;
  }
}

const acceptedOf = (row: LineRequest): AcceptedRequest => ({
  requestSha256: row.request_sha256,
  inputTokensMax: row.input_tokens_max,
  traits: traitsOf(row),
});

/** Cuts lines by number and by the bytes of their requests; the order stays. */
function cut<Line extends { readonly request_bytes: number }>(
  lines: readonly Line[],
  linesMax: number,
  bytesMax: number,
): Line[][] {
  const pieces: Line[][] = [];
  let bytes = Infinity;
  for (const line of lines) {
    const current = pieces.at(-1);
    bytes += line.request_bytes;
    if (current === undefined || current.length >= linesMax || bytes > bytesMax) {
      pieces.push([line]);
      bytes = line.request_bytes;
    } else current.push(line);
  }
  return pieces;
}
