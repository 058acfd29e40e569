/**
 * POST /v1/messages/batches. The whole batch is refused for what concerns its frame (list, custom_ids, sizes); parameters are
 * not looked at until a line is produced. Two equal posts make two batches; there is no idempotency of any kind.
 */
import { ApiError, invalidRequest } from "../api-error.ts";
import { readBody } from "../body.ts";
import { between, hashText, shuffle } from "../chance.ts";
import { Abandoned, meetRequestFaults, originOf, replyWithFaults, takeFault } from "../exchange.ts";
import type { Exchange } from "../exchange.ts";
import { numberParam } from "../faults.ts";
import { isObject, parseJson } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type { World } from "../world.ts";
import { batchView, newBatch } from "./batch.ts";
import type { Batch } from "./batch.ts";
import { RequestScanner } from "./scanner.ts";
import { Spool } from "./spool.ts";

const customIdPattern = /^[a-zA-Z0-9_-]{1,64}$/;
const customIdCharsMax = 64;

/** What one upload holds once it is read. */
interface Upload {
  readonly customIds: string[];
  readonly starts: number[];
  readonly lines: Spool;
  readonly found: Set<string>;
  problem: ApiError | null;
  /** Malformed JSON beats every other problem: the API parses before it checks. */
  malformed: ApiError | null;
}

export const createBatch = async (exchange: Exchange): Promise<void> => {
  const { world, entry } = exchange;
  const upload: Upload = {
    customIds: [],
    starts: [],
    lines: new Spool(),
    found: new Set(),
    problem: null,
    malformed: null,
  };
  try {
    await readUpload(exchange, upload);
    entry.customIds = upload.customIds.length;
    entry.marker = upload.customIds[0] ?? null;
    const text = (): string => [upload.customIds[0] ?? "", ...upload.found].join("\n");
    await meetRequestFaults(exchange, { lane: "batch", text });
    if (upload.malformed !== null) throw upload.malformed;
    if (upload.problem !== null && world.settings.strict) throw upload.problem;
    checkRoom(exchange, upload.customIds.length);
    const batch = store(exchange, upload);
    entry.batchId = batch.id;
    const lost = takeFault(exchange, "reply", { lane: "batch", text });
    replyWithFaults(exchange, batchView(batch, originOf(exchange), world.behaviour.counters), lost);
  } catch (error) {
    if (entry.batchId === null) upload.lines.close();
    throw error;
  }
};

const readUpload = async (exchange: Exchange, upload: Upload): Promise<void> => {
  const { world, entry } = exchange;
  const resetRule = takeFault(exchange, "upload", { lane: "batch" });
  const resetAfterBytes = resetRule === null ? Number.POSITIVE_INFINITY : numberParam(resetRule, "bytes", 0);
  const needles = world.faults.needles(["request", "reply"]);
  const seen = new Set<string>();
  const scanner = new RequestScanner((element) => {
    takeElement(upload, element, seen);
    for (const needle of needles) if (element.includes(needle)) upload.found.add(needle);
  });
  let bytes = 0;
  await readBody(
    exchange.request,
    world.limits.settings.batchBytesMax,
    (chunk) => {
      bytes += chunk.length;
      if (bytes > resetAfterBytes) {
        exchange.request.socket.destroy();
        throw new Abandoned();
      }
      scanner.push(chunk);
    },
    uploadPace(world),
  );
  if (resetRule !== null) {
    exchange.request.socket.destroy();
    throw new Abandoned();
  }
  entry.bodyBytes = bytes;
  checkFrame(exchange, upload, scanner);
};

/** Between two looks at the speed, in virtual milliseconds: a new one counts within this time. */
const paceLookMs = 50;

/** Holds an upload back to the speed that is set, asked again while it waits. */
const uploadPace = ({ behaviour, clock }: World): ((bytes: number) => Promise<void> | undefined) => {
  const drain = async (bytes: number): Promise<void> => {
    for (let left = bytes; left > 0 && behaviour.uploadBytesPerS > 0;) {
      const waitMs = Math.min(paceLookMs, (left * 1_000) / behaviour.uploadBytesPerS);
      // oxlint-disable-next-line no-await-in-loop -- one stretch after the other
      await clock.wait(waitMs);
      left -= (waitMs * behaviour.uploadBytesPerS) / 1_000;
    }
  };
  return (bytes) => (behaviour.uploadBytesPerS > 0 ? drain(bytes) : undefined);
};

const wrongItem = (index: number) =>
  invalidRequest(`requests.${index}: Input should be a valid dictionary or object to extract fields from`);

const checkFrame = (exchange: Exchange, upload: Upload, scanner: RequestScanner): void => {
  const frame = scanner.finish();
  const requests = isObject(frame) ? frame["requests"] : undefined;
  const count = upload.customIds.length;
  const most = exchange.world.limits.settings.batchLinesMax;
  if (requests === undefined) upload.problem = invalidRequest("requests: Field required");
  else if (!Array.isArray(requests))
    upload.problem = invalidRequest("requests: Input should be a valid list");
  else if (requests.length !== count)
    upload.problem ??= wrongItem((requests as unknown[]).findIndex((item) => item !== 0));
  else if (count === 0)
    upload.problem = invalidRequest("requests: List should have at least 1 item after validation, not 0");
  else if (count > most)
    upload.problem = invalidRequest(
      `requests: List should have at most ${most} items after validation, not ${count}`,
    );
};

/** Notes one line. The first problem is kept; malformed JSON beats it, for the API parses before it checks. */
const takeElement = (upload: Upload, element: Buffer, seen: Set<string>): void => {
  const index = upload.customIds.length;
  const item = parseElement(upload, element);
  const customId = isObject(item) && typeof item["custom_id"] === "string" ? item["custom_id"] : "";
  upload.problem ??= problemOf(item, index) ?? duplicateOf(customId, seen);
  seen.add(customId);
  upload.starts.push(upload.lines.length);
  upload.customIds.push(customId);
  upload.lines.append(element);
};

const parseElement = (upload: Upload, element: Buffer): unknown => {
  try {
    return parseJson(element);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    upload.malformed ??= error;
    return null;
  }
};

const problemOf = (item: unknown, index: number): ApiError | null => {
  if (!isObject(item)) return wrongItem(index);
  const where = `requests.${index}`;
  return idProblem(item, where) ?? paramsProblem(item, where);
};

const idProblem = (item: JsonObject, where: string): ApiError | null => {
  const customId = item["custom_id"];
  if (customId === undefined) return invalidRequest(`${where}.custom_id: Field required`);
  if (typeof customId !== "string")
    return invalidRequest(`${where}.custom_id: Input should be a valid string`);
  if (customId.length > customIdCharsMax)
    return invalidRequest(`${where}.custom_id: String should have at most ${customIdCharsMax} characters`);
  if (!customIdPattern.test(customId))
    return invalidRequest(`${where}.custom_id: String should match pattern '^[a-zA-Z0-9_-]{1,64}$'`);
  return null;
};

const paramsProblem = (item: JsonObject, where: string): ApiError | null => {
  const extra = Object.keys(item).find((name) => name !== "custom_id" && name !== "params");
  if (extra !== undefined) return invalidRequest(`${where}.${extra}: Extra inputs are not permitted`);
  if (item["params"] === undefined) return invalidRequest(`${where}.params: Field required`);
  return isObject(item["params"])
    ? null
    : invalidRequest(`${where}.params: Input should be a valid dictionary`);
};

const duplicateOf = (customId: string, seen: ReadonlySet<string>): ApiError | null =>
  seen.has(customId)
    ? invalidRequest(
        `requests: custom_id's must be unique within a batch. Duplicate custom_id found: ${customId}`,
      )
    : null;

const fullQueueWaitMs = 60_000;

const checkRoom = (exchange: Exchange, lines: number): void => {
  const { limits, batches } = exchange.world;
  const most = limits.settings.batchQueueMax;
  if (batches.queued() + lines <= most) return;
  throw limits.exceeded(
    `${most.toLocaleString("en-US")} batch requests in the processing queue (org: ${limits.organization})`,
    fullQueueWaitMs,
  );
};

const store = (exchange: Exchange, upload: Upload): Batch => {
  const { world } = exchange;
  const seed = hashText(upload.customIds[0] ?? "", world.settings.seed);
  const { min, max } = world.behaviour.batchDurationMs;
  const count = upload.customIds.length;
  const batch = newBatch({
    id: world.ids.batch(),
    number: world.batches.nextNumber,
    identity: exchange.identity,
    version: exchange.version,
    createdMs: world.clock.now(),
    durationMs: between(seed, min, max),
    customIds: upload.customIds,
    starts: upload.starts,
    lines: upload.lines,
    order: world.behaviour.shuffled
      ? shuffle(count, seed)
      : Uint32Array.from({ length: count }, (_, index) => index),
  });
  world.batches.add(world, batch);
  return batch;
};
