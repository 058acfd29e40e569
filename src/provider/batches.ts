// The Message Batches API: create with a streamed body of known length, retrieve, list, cancel, results as raw bytes. Every end
// is a value. Only `create` costs money and carries content, so only it names the scopes the gate is asked about.
//
// Results are fetched from the plain path and split by us: the SDK's own reader stops at a blank line, asks for the batch once
// more first, and turns a cut download into an exception of a foreign kind.

import type { BatchCounts, ProviderBatch } from "../domain/message-batch.ts";
import { isRecord } from "../domain/json-value.ts";
import type { WorkScope } from "../domain/work-scope.ts";
import type { CallEnd } from "./call-end.ts";
import type { Provider, StreamEnd } from "./client.ts";

const path = "/v1/messages/batches";

/** As CallEnd; an answer whose body is no batch is read as undefined. */
type BatchEnd = CallEnd<ProviderBatch | undefined>;

export interface BatchPage {
  readonly batches: readonly ProviderBatch[];
  /** The cursor of the next page; null at the end. */
  readonly nextAfterId: string | null;
}

export interface CreateTerms {
  readonly scopes: readonly WorkScope[];
  /** Upload and answer together, in milliseconds. */
  readonly deadlineMs: number;
}

export interface ProviderBatches {
  /** Sends a body of exactly `contentLength` bytes. The stream is destroyed, never finished, when its source throws. */
  create(body: ReadableStream<Uint8Array>, contentLength: number, terms: CreateTerms): Promise<BatchEnd>;
  retrieve(id: string): Promise<BatchEnd>;
  /** One page, newest first, behind `afterId`. */
  list(afterId: string | null): Promise<CallEnd<BatchPage | undefined>>;
  /** Asks for cancellation; idempotent while it is under way. */
  cancel(id: string): Promise<BatchEnd>;
  /** The result lines as bytes, in no order. */
  results(id: string, signal: AbortSignal): Promise<StreamEnd>;
}

/** `controlDeadlineMs`: the deadline of each call that moves no content. */
export function createProviderBatches(
  provider: Pick<Provider, "request" | "stream">,
  { controlDeadlineMs, pageSize }: { controlDeadlineMs: number; pageSize: number },
): ProviderBatches {
  const control = async (method: "get" | "post", at: string): Promise<CallEnd<unknown>> =>
    provider.request({ method, path: at }, { deadlineMs: controlDeadlineMs });
  return {
    create: async (body, contentLength, { scopes, deadlineMs }) => {
      const headers = { "content-type": "application/json", "content-length": String(contentLength) };
      return readEnd(
        await provider.request({ method: "post", path, body, headers }, { scope: scopes, deadlineMs }),
        readBatch,
      );
    },
    retrieve: async (id) => readEnd(await control("get", pathOf(id)), readBatch),
    list: async (afterId) => {
      const cursor = afterId === null ? "" : `&after_id=${encodeURIComponent(afterId)}`;
      return readEnd(await control("get", `${path}?limit=${pageSize}${cursor}`), readPage);
    },
    cancel: async (id) => readEnd(await control("post", `${pathOf(id)}/cancel`), readBatch),
    results: (id, signal) =>
      provider.stream(
        { method: "get", path: `${pathOf(id)}/results` },
        { headersDeadlineMs: controlDeadlineMs, signal },
      ),
  };
}

const pathOf = (id: string): string => `${path}/${encodeURIComponent(id)}`;

function readEnd<Body>(end: CallEnd<unknown>, read: (body: unknown) => Body): CallEnd<Body> {
  return end.kind === "answer" ? { ...end, body: read(end.body) } : end;
}

const statuses = ["in_progress", "canceling", "ended"] as const;

/** Reads a MessageBatch object; undefined for anything else. */
function readBatch(body: unknown): ProviderBatch | undefined {
  if (!isRecord(body)) return undefined;
  const { id, processing_status: status, created_at: createdAt, expires_at: expiresAt } = body;
  const counts = readCounts(body["request_counts"]);
  const times = [createdAt, expiresAt].map((text) =>
    typeof text === "string" ? Date.parse(text) : Number.NaN,
  );
  const known = statuses.find((each) => each === status);
  if (typeof id !== "string" || id === "" || known === undefined) return undefined;
  if (counts === undefined || times.some((time) => Number.isNaN(time))) return undefined;
  const [createdMs = 0, expiresMs = 0] = times;
  return {
    id,
    status: known,
    createdAt: new Date(createdMs),
    expiresAt: new Date(expiresMs),
    counts,
    archived: typeof body["archived_at"] === "string",
  };
}

function readCounts(value: unknown): BatchCounts | undefined {
  if (!isRecord(value)) return undefined;
  const counts = {
    processing: count(value["processing"]),
    succeeded: count(value["succeeded"]),
    errored: count(value["errored"]),
    canceled: count(value["canceled"]),
    expired: count(value["expired"]),
  };
  return Object.values(counts).some((each) => Number.isNaN(each)) ? undefined : counts;
}

/** A number of lines, or NaN. */
const count = (value: unknown): number =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : Number.NaN;

/** Reads a page; undefined unless every entry is understood: a listing that skips one proves nothing. */
function readPage(body: unknown): BatchPage | undefined {
  if (!isRecord(body) || !Array.isArray(body["data"])) return undefined;
  const entries = body["data"].map((entry) => readBatch(entry));
  const batches = entries.filter((batch) => batch !== undefined);
  if (batches.length < entries.length) return undefined;
  const { has_more: hasMore, last_id: lastId } = body;
  const nextAfterId = hasMore === true && typeof lastId === "string" && batches.length > 0 ? lastId : null;
  return { batches, nextAfterId };
}
