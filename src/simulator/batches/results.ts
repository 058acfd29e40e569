/**
 * GET /v1/messages/batches/{id}/results: rows as JSON lines, shuffled, streamed from the spool with back-pressure. Lines that
 * were cancelled or expired have no stored row; they are made up on the way and mixed in by seed. Pieces are cut by bytes, so
 * borders fall inside lines and inside UTF-8 sequences. Range is ignored, as by the real API.
 */
import { once } from "node:events";
import { notFound } from "../api-error.ts";
import { draw } from "../chance.ts";
import { meetRequestFaults, openStream, takeFault } from "../exchange.ts";
import type { Exchange } from "../exchange.ts";
import { numberParam } from "../faults.ts";
import type { FaultRule } from "../faults.ts";
import type { Batch } from "./batch.ts";
import { cannedRow } from "./canned.ts";
import { findBatch } from "./endpoints.ts";
import { rowBytes } from "./line.ts";

const blockBytes = 256 * 1024;
const pieceBytes = 61_003;

export const streamResults = async (exchange: Exchange, id: string): Promise<void> => {
  await meetRequestFaults(exchange);
  const { world } = exchange;
  if (!world.settings.strict && world.batches.get(id) === undefined) {
    openStream(exchange, "application/x-jsonl");
    exchange.response.end(cannedRow());
    return;
  }
  const batch = findBatch(exchange, id);
  const readyMs =
    batch.endedMs === null ? Number.POSITIVE_INFINITY : batch.endedMs + world.behaviour.resultsLagMs;
  if (world.clock.now() < readyMs || batch.archivedMs !== null) {
    throw notFound(`Message batch with id '${id}' has no available results.`);
  }
  const rule = takeFault(exchange, "download", { lane: "batch", text: () => batch.customIds[0] ?? "" });
  openStream(exchange, "application/x-jsonl");
  exchange.response.flushHeaders();
  await send(exchange, batch, rule);
};

/** How a fault's `after` (rows) is meant when it is not given: half way. */
const cutRow = (batch: Batch, rule: FaultRule): number =>
  numberParam(rule, "after", Math.floor(batch.customIds.length / 2));

const send = async (exchange: Exchange, batch: Batch, rule: FaultRule | null): Promise<void> => {
  const sink = new Sink(exchange, rule);
  const stopRow = rule === null || !stops.has(rule.action) ? Number.POSITIVE_INFINITY : cutRow(batch, rule);
  let row = 0;
  for (const line of linesOf(exchange, batch)) {
    if (row >= stopRow && rule !== null) {
      // oxlint-disable-next-line no-await-in-loop -- the last thing the loop does
      await breakOff(exchange, sink, { line, rule });
      return;
    }
    // oxlint-disable-next-line no-await-in-loop -- back-pressure
    if (sink.add(changed(line, row, rule)) && !(await sink.drain())) return;
    row += 1;
  }
  await sink.finish();
};

const stops: ReadonlySet<string> = new Set([
  "cut_mid_line",
  "cut_at_line_end",
  "reset_download",
  "stall_download",
]);

const breakOff = async (
  exchange: Exchange,
  sink: Sink,
  at: { readonly line: Buffer; readonly rule: FaultRule },
): Promise<void> => {
  const { action } = at.rule;
  if (action === "cut_mid_line" || action === "reset_download")
    sink.add(at.line.subarray(0, Math.max(1, at.line.length >> 1)));
  await sink.drain(true);
  if (action === "reset_download") exchange.request.socket.destroy();
  else if (action !== "stall_download") exchange.response.end();
};

const changed = (line: Buffer, row: number, rule: FaultRule | null): Buffer => {
  if (rule === null || row !== numberParam(rule, "row", 0)) return line;
  if (rule.action === "blank_line") return Buffer.concat([line, Buffer.from("\n")]);
  if (rule.action !== "huge_line") return line;
  const padding = Buffer.alloc(numberParam(rule, "bytes", 8 * 1024 * 1024), " ");
  return Buffer.concat([line.subarray(0, -2), padding, line.subarray(-2)]);
};

/** Every row of the batch, each with its line end. */
const linesOf = function* linesOf(exchange: Exchange, batch: Batch): Generator<Buffer> {
  const total = batch.customIds.length;
  const seed = exchange.world.settings.seed ^ batch.number;
  const rest = batch.cancel === null ? "expired" : "canceled";
  const stored = storedRows(batch);
  let unproduced = batch.produced;
  let left = batch.produced;
  for (let row = 0; row < total; row += 1) {
    const fromStore = left > 0 && (unproduced >= total || draw(seed, row) < left / (total - row));
    if (fromStore) {
      left -= 1;
      const next = stored.next();
      if (next.done !== true) yield next.value;
    } else {
      yield rowBytes(batch.customIds[batch.order[unproduced] ?? 0] ?? "", { type: rest });
      unproduced += 1;
    }
  }
};

/** Stored rows in order, read in blocks. */
const storedRows = function* storedRows(batch: Batch): Generator<Buffer> {
  let row = 0;
  let start = 0;
  while (row < batch.produced) {
    let last = row;
    while (last + 1 < batch.produced && (batch.rowEnds[last + 1] ?? 0) - start <= blockBytes) last += 1;
    const end = batch.rowEnds[last] ?? start;
    const block = batch.rows.read(start, end);
    for (let from = start; row <= last; row += 1) {
      const to = batch.rowEnds[row] ?? end;
      yield block.subarray(from - start, to - start);
      from = to;
    }
    start = end;
  }
};

/** Gathers lines and writes them in pieces that ignore where lines end. */
class Sink {
  readonly #exchange: Exchange;
  readonly #pieceBytes: number;
  readonly #pauseMs: number;
  #parts: Buffer[] = [];
  #bytes = 0;
  #gone = false;

  constructor(exchange: Exchange, rule: FaultRule | null) {
    this.#exchange = exchange;
    const drip = rule !== null && rule.action === "slow_drip";
    const tiny = rule !== null && rule.action === "tiny_chunks";
    this.#pieceBytes =
      rule !== null && (drip || tiny) ? Math.max(1, numberParam(rule, "bytes", tiny ? 7 : 512)) : pieceBytes;
    this.#pauseMs = rule !== null && drip ? numberParam(rule, "interval_ms", 50) : 0;
    exchange.response.once("close", () => {
      this.#gone = true;
    });
  }

  /** True when enough is gathered to write. */
  add(line: Buffer): boolean {
    this.#parts.push(line);
    this.#bytes += line.length;
    return this.#bytes >= this.#pieceBytes;
  }

  /** Writes whole pieces (or all). False when the client has gone. */
  async drain(all = false): Promise<boolean> {
    const gathered = Buffer.concat(this.#parts);
    let from = 0;
    const end = all ? gathered.length : gathered.length - this.#pieceBytes + 1;
    while (!this.#gone && from < end) {
      const piece = gathered.subarray(from, from + this.#pieceBytes);
      from += piece.length;
      // oxlint-disable-next-line no-await-in-loop -- pieces follow each other
      await this.#write(piece);
    }
    const rest = gathered.subarray(from);
    this.#parts = rest.length > 0 ? [rest] : [];
    this.#bytes = rest.length;
    return !this.#gone;
  }

  async finish(): Promise<void> {
    if (await this.drain(true)) this.#exchange.response.end();
  }

  async #write(piece: Buffer): Promise<void> {
    const { response, world } = this.#exchange;
    const hasRoom = response.write(piece);
    if (!hasRoom)
      await Promise.race([once(response, "drain"), once(response, "close")]).catch(() => undefined);
    if (this.#pauseMs > 0) await world.clock.wait(this.#pauseMs);
  }
}
