/** Retrieve, list, cancel and delete. A batch of another workspace does not exist, nor does one in its hidden first moments. */
import { invalidRequest, notFound } from "../api-error.ts";
import { meetRequestFaults, originOf, replyWithFaults, takeFault } from "../exchange.ts";
import type { Exchange } from "../exchange.ts";
import { batchView, statusOf } from "./batch.ts";
import type { Batch } from "./batch.ts";
import { cannedBatch } from "./canned.ts";
import { cancelBatch, progress } from "./progress.ts";

/** Real milliseconds a request may spend on bringing a batch up to date. */
const lookMs = 5;
const listLimit = { least: 1, most: 100, standard: 20 } as const;

/** The batch if this caller may see it, brought up to the clock; else the 404. */
export const findBatch = (exchange: Exchange, id: string): Batch => {
  const { world } = exchange;
  const batch = world.batches.get(id);
  const hidden =
    batch === undefined ||
    batch.identity.workspace !== exchange.identity.workspace ||
    isYoung(exchange, batch, world.behaviour.createHiddenMs);
  if (hidden) throw notFound(`Message batch with id '${id}' not found.`);
  progress(world, batch, lookMs);
  return batch;
};

const isYoung = (exchange: Exchange, batch: Batch, forMs: number): boolean =>
  exchange.world.clock.now() < batch.createdMs + forMs;

const viewOf = (exchange: Exchange, batch: Batch): Record<string, unknown> =>
  batchView(batch, originOf(exchange), exchange.world.behaviour.counters);

/** Where nothing is checked, an unknown id answers a made-up batch that has ended. */
const isMadeUp = (exchange: Exchange, id: string): boolean =>
  !exchange.world.settings.strict && exchange.world.batches.get(id) === undefined;

export const retrieveBatch = async (exchange: Exchange, id: string): Promise<void> => {
  await meetRequestFaults(exchange);
  if (isMadeUp(exchange, id)) {
    replyWithFaults(exchange, cannedBatch(exchange, id), null);
    return;
  }
  const batch = findBatch(exchange, id);
  if (batch.endedMs === null)
    exchange.headers["retry-after"] = String(exchange.world.behaviour.pollRetryAfterS);
  replyWithFaults(exchange, viewOf(exchange, batch), takeFault(exchange, "reply"));
};

/** Asking again changes nothing; a batch that has ended cannot be cancelled any more. */
export const cancelBatchById = async (exchange: Exchange, id: string): Promise<void> => {
  await meetRequestFaults(exchange);
  if (isMadeUp(exchange, id)) {
    replyWithFaults(exchange, cannedBatch(exchange, id), null);
    return;
  }
  const batch = findBatch(exchange, id);
  if (statusOf(batch) === "ended")
    throw invalidRequest(`Message batch with id '${id}' has already ended and cannot be canceled.`);
  cancelBatch(exchange.world, batch);
  replyWithFaults(exchange, viewOf(exchange, batch), takeFault(exchange, "reply"));
};

export const deleteBatch = async (exchange: Exchange, id: string): Promise<void> => {
  await meetRequestFaults(exchange);
  if (!isMadeUp(exchange, id)) {
    const batch = findBatch(exchange, id);
    if (batch.endedMs === null)
      throw invalidRequest("In progress batches cannot be deleted. Consider canceling the batch instead.");
    exchange.world.batches.remove(batch);
  }
  replyWithFaults(exchange, { id, type: "message_batch_deleted" }, takeFault(exchange, "reply"));
};

export const listBatches = async (exchange: Exchange): Promise<void> => {
  await meetRequestFaults(exchange);
  const { world, query } = exchange;
  const limit = limitOf(query);
  const visible = world.batches
    .all()
    .filter(
      (batch) =>
        batch.identity.workspace === exchange.identity.workspace &&
        !isYoung(exchange, batch, world.behaviour.listLagMs),
    );
  const { items, hasMore } = pageOf(visible, query, limit);
  const data = items.map((batch) => {
    progress(world, batch, lookMs);
    return viewOf(exchange, batch);
  });
  const body = { data, has_more: hasMore, first_id: items[0]?.id ?? null, last_id: items.at(-1)?.id ?? null };
  replyWithFaults(exchange, body, takeFault(exchange, "reply"));
};

/** `limit` from the query, 1 to 100. */
export const limitOf = (query: URLSearchParams): number => {
  const text = query.get("limit");
  if (text === null) return listLimit.standard;
  const limit = Number(text);
  if (!Number.isInteger(limit)) throw invalidRequest("limit: Input should be a valid integer");
  if (limit < listLimit.least)
    throw invalidRequest(`limit: Input should be greater than or equal to ${listLimit.least}`);
  if (limit > listLimit.most)
    throw invalidRequest(`limit: Input should be less than or equal to ${listLimit.most}`);
  return limit;
};

/** A page of a list that is newest first; cursors are exclusive. `before_id` gives the items just above it, in the same order. */
export const pageOf = <Item extends { readonly id: string }>(
  items: readonly Item[],
  query: URLSearchParams,
  limit: number,
): { items: readonly Item[]; hasMore: boolean } => {
  const after = query.get("after_id");
  const before = query.get("before_id");
  if (after !== null && before !== null)
    throw invalidRequest("Only one of after_id and before_id may be given.");
  const cursor = after ?? before;
  const at = cursor === null ? -1 : items.findIndex((item) => item.id === cursor);
  if (cursor !== null && at < 0)
    throw invalidRequest(`${after === null ? "before_id" : "after_id"}: '${cursor}' not found`);
  if (before === null)
    return { items: items.slice(at + 1, at + 1 + limit), hasMore: items.length > at + 1 + limit };
  const from = Math.max(0, at - limit);
  return { items: items.slice(from, at), hasMore: from > 0 };
};
