/**
 * GET /v1/messages/batches/{id}/results: rows as JSON lines, shuffled, streamed from the spool with back-pressure. Lines that
 * were cancelled or expired have no stored row; they are made up on the way and mixed in by seed. Pieces are cut by bytes, so
 * borders fall inside lines and inside UTF-8 sequences. Range is ignored, as by the real API.
 */
import { notFound } from "../api-error.ts";
import { draw } from "../chance.ts";
import { meetRequestFaults, openStream, takeFault } from "../exchange.ts";
import type { Exchange } from "../exchange.ts";
import { numberParam } from "../faults.ts";
import type { FaultRule } from "../faults.ts";
import type { Batch } from "./batch.ts";
import { cannedRow } from "./canned.ts";
import { findBatch } from "./endpoints.ts";
import { rowText } from "./line.ts";
import { ResultSink } from "./result-sink.ts";

const blockBytes = 256 * 1024;

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
  const sink = new ResultSink(exchange, rule);
  const stopRow = rule === null || !stops.has(rule.action) ? Number.POSITIVE_INFINITY : cutRow(batch, rule);
  let row = 0;
  for (const line of linesOf(exchange, batch)) {
    const bytes = row < stopRow ? changed(line, row, rule) : cutLine(line, rule);
    // oxlint-disable-next-line no-await-in-loop -- back-pressure; only full pieces are waited for
    if (sink.offer(bytes) && !(await sink.write(bytes))) return;
    if (row >= stopRow && rule !== null) {
      // oxlint-disable-next-line no-await-in-loop -- the last thing the loop does
      await breakOff(exchange, sink, rule);
      return;
    }
    row += 1;
  }
  if (await sink.flush()) exchange.response.end();
};

const stops: ReadonlySet<string> = new Set([
  "cut_mid_line",
  "cut_at_line_end",
  "reset_download",
  "stall_download",
]);

const empty = Buffer.alloc(0);

/** What is still sent of the row a download breaks off at: nothing, or its first half. */
const cutLine = (line: Buffer, rule: FaultRule | null): Buffer =>
  rule?.action === "cut_mid_line" || rule?.action === "reset_download"
    ? line.subarray(0, Math.max(1, line.length >> 1))
    : empty;

const breakOff = async (exchange: Exchange, sink: ResultSink, { action }: FaultRule): Promise<void> => {
  await sink.flush();
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

/** Every row of the batch, each with its line end; a row is valid until the next is asked for. */
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
      yield Buffer.from(rowText(batch.customIds[batch.order[unproduced] ?? 0] ?? "", { type: rest }));
      unproduced += 1;
    }
  }
};

/** Stored rows in order, read in blocks into one buffer. */
const storedRows = function* storedRows(batch: Batch): Generator<Buffer> {
  let block: Buffer = empty;
  let row = 0;
  let start = 0;
  while (row < batch.produced) {
    let last = row;
    while (last + 1 < batch.produced && (batch.rowEnds[last + 1] ?? 0) - start <= blockBytes) last += 1;
    const end = batch.rowEnds[last] ?? start;
    if (block.length < end - start) block = Buffer.allocUnsafeSlow(Math.max(blockBytes, end - start));
    batch.rows.copyTo(block, start, end);
    for (let from = start; row <= last; row += 1) {
      const to = batch.rowEnds[row] ?? end;
      yield block.subarray(from - start, to - start);
      from = to;
    }
    start = end;
  }
};
