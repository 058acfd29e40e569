// Step one of creating a message batch: lines, their attempts, the money and the intent, all in one transaction or not at all.
//
// The order of its statements is what keeps it cheap for everybody else. Lines are locked (and skipped where somebody has them),
// what fits under the ceilings is chosen by an unlocked look at the budget windows, attempts are written and jobs moved, which is
// nine tenths of the work; only then the windows are locked, the choice is checked again under the lock, the hold is taken and the
// intent inserted, three short statements before the commit. If the money went elsewhere meanwhile, all is rolled back and done
// again with the windows locked first, so that a busy ceiling delays the second try and never the third.
//
// An advisory lock lets one process at a time form batches of a credential: the number of lines is chosen among those that no
// open batch has, and the unique index behind it is the wall. Dying anywhere before the commit leaves nothing; after it, an intent
// that anybody may send or dissolve.

import { limits } from "../config/limits.ts";
import type { Unbudgeted } from "../domain/budget.ts";
import { admit } from "../domain/hold.ts";
import type { HoldRequest } from "../domain/hold.ts";
import { bodyBytes, freeLineCount, lingersUntilMs, mayGoTogether, pack, ripenessOf } from "../domain/pack.ts";
import type { PackLimits, Ripeness } from "../domain/pack.ts";
import { holdBack, refusedLast } from "../domain/refused-models.ts";
import { reach } from "../observe/points.ts";
import { noteProbe } from "./credentials.ts";
import { withTransaction } from "./pool.ts";
import { lockLines, priceLines } from "./message-batch-waiting.ts";
import type { Line, LineBulk, LockTerms, WaitingQueue } from "./message-batch-waiting.ts";
import type { Client, Pool } from "./pool.ts";
import { query, queryOne } from "./query.ts";
import { lockWindows, noteBound, readRooms, shortWindows, takeHold, windowsFor } from "./windows.ts";

const lockCollecting = queryOne("message-batches/lock-collecting");
const openCounts = query("message-batches/open-counts");
const markWaiting = query("message-batches/mark-waiting");
const dispatchLines = query("message-batches/dispatch-lines");
const insertBatch = query("message-batches/insert");

export interface IntentTerms extends LockTerms {
  readonly queue: WaitingQueue;
  readonly bulks: readonly LineBulk[];
  readonly limits: PackLimits;
  readonly lingerMs: number;
  readonly openMax: number;
  readonly credentialId: string;
  readonly processId: string;
  readonly unbudgeted: Unbudgeted;
  newId(): string;
}

export type IntentEnd =
  | {
      readonly kind: "formed";
      readonly batchId: string;
      readonly lines: number;
      readonly heldNano: bigint;
      readonly why: Ripeness;
      readonly refused: number;
      /** Refused models of which it tries a line. */
      readonly tried: readonly string[];
    }
  /** The pack is not full: it may wait until then. */
  | { readonly kind: "lingers"; readonly until: Date }
  /** Nothing that could be packed. `budget`: no line fits under its ceilings. `open`: too many batches are under way, or all counts are taken. */
  | { readonly kind: "empty" | "busy" | "budget" | "open" };

/** Forms the next message batch of a queue, if it is time for one. */
export async function formIntent(pool: Pool, terms: IntentTerms): Promise<IntentEnd> {
  for (const lockFirst of [false, true]) {
    const look: Look = { lockFirst, short: new Set() };
    try {
      // oxlint-disable no-await-in-loop -- the second try is made only after the first
      const end = await withTransaction(pool, (client) => formOnce(client, terms, look));
      await noteBound(pool, look.short);
      // oxlint-enable no-await-in-loop
      return end;
    } catch (error) {
      if (!(error instanceof MoneyGone)) throw error;
    }
  }
  return { kind: "budget" };
}

interface Look {
  /** The windows are locked before the choice is made. */
  readonly lockFirst: boolean;
  /** Windows found without room for one of the lines. */
  short: ReadonlySet<bigint>;
}

/** The room under a ceiling was taken by somebody else between the look and the lock. */
class MoneyGone extends Error {
  override readonly name = "MoneyGone";
}

async function formOnce(client: Client, terms: IntentTerms, look: Look): Promise<IntentEnd> {
  const lock = await lockCollecting(client, [terms.credentialId]);
  if (lock?.locked !== true) return { kind: "busy" };
  const open = (await openCounts(client, [terms.credentialId])).rows;
  // An intent the provider did not take yet says that more of them would not be taken either.
  const heldBack = open.some(
    ({ state, create_tries: tries, next_poll_at: due }) =>
      state === "intent" && tries > 0 && due !== null && due > terms.now,
  );
  if (open.length >= terms.openMax || heldBack) return { kind: "open" };

  const taken = new Set(open.map(({ line_count: lineCount }) => lineCount));
  // While a batch of one line is not known to the provider there can be no try: its model's lines wait as they did, and others go.
  const models = taken.has(1) ? holdBack(terms.models, terms.models.probing.keys()) : terms.models;
  return packOnce(client, { ...terms, models }, { look, taken });
}

interface Counted {
  readonly look: Look;
  /** The numbers of lines that open batches have. */
  readonly taken: ReadonlySet<number>;
}

async function packOnce(client: Client, terms: IntentTerms, counted: Counted): Promise<IntentEnd> {
  const waiting = await priceLines(client, await lockLines(client, terms), terms);
  let lines = await oneTryEach(client, waiting, terms, counted.look);
  let kind: "budget" | "empty" | "open" = waiting.length > 0 ? "budget" : "empty";
  for (;;) {
    const packed = pack(groupByBulk(lines), terms.limits);
    const [first] = packed;
    if (first === undefined) return { kind };
    // oxlint-disable-next-line no-await-in-loop -- lines of another kind have their turn only when those before them cannot go
    const end = await formPack(client, packed, terms, counted);
    if (end !== null) return end;
    kind = "open";
    lines = lines.filter((line) => !mayGoTogether(line, first));
  }
}

/** Null: open batches have every number of lines that it could have. */
async function formPack(
  client: Client,
  packed: readonly Line[],
  terms: IntentTerms,
  { look, taken }: Counted,
): Promise<IntentEnd | null> {
  const why = ripenessOf(packed, {
    limits: terms.limits,
    waiting: new Map(terms.bulks.map((bulk) => [bulk.bulkId, bulk.waiting])),
    accepted: new Map(terms.bulks.map((bulk) => [bulk.bulkId, bulk.accepted])),
    nowMs: terms.now.getTime(),
    lingerMs: terms.lingerMs,
  });
  if (why === null) return { kind: "lingers", until: new Date(lingersUntilMs(packed, terms.lingerMs)) };

  const windows = await windowsOf(client, packed, terms);
  const requests = packed.map((line) => ({
    amountNano: line.worstNano,
    windowIds: windows.get(line.id) ?? [],
  }));
  const rooms = await roomFor(client, requests, look.lockFirst);
  look.short = new Set([...look.short, ...shortWindows(rooms, requests)]);
  const verdicts = admit(rooms, requests, terms.unbudgeted);
  const refused = packed.filter((_, index) => verdicts[index]?.fits !== true);
  if (refused.length > 0) await noteBudget(client, refused, terms.now);
  const admitted = packed.filter((_, index) => verdicts[index]?.fits === true);
  if (admitted.length === 0) return { kind: "budget" };
  const count = freeLineCount(admitted.length, taken);
  // Windows that are locked are locked in one order, which those of a further pack would not be in.
  if (count === 0) return look.lockFirst ? { kind: "open" } : null;
  const chosen = admitted.slice(0, count);
  const tried = triedBy(chosen, terms);
  const batchId = await writeIntent(client, chosen, windows, terms);
  const heldNano = chosen.reduce((sum, line) => sum + line.worstNano, 0n);
  reach("batch.intent_written");
  return { kind: "formed", batchId, lines: count, heldNano, why, refused: refused.length, tried };
}

/**
 * Of each model that is being tried the first line goes on for which there is room: one that waits for money would try nothing, and keep
 * the others from it. The rest wait for what it brings.
 */
async function oneTryEach(
  client: Client,
  lines: readonly Line[],
  terms: IntentTerms,
  look: Look,
): Promise<readonly Line[]> {
  const isTried = ({ row }: Line): boolean => terms.models.probing.has(row.model);
  const rows = lines.flatMap((line) => (isTried(line) ? [{ line, id: line.id, model: line.row.model }] : []));
  if (rows.length === 0) return lines;
  const tried = refusedLast(rows, terms.models.probing).map(({ line }) => line);
  const windows = await windowsOf(client, tried, terms);
  const requests = tried.map((line) => ({
    amountNano: line.worstNano,
    windowIds: windows.get(line.id) ?? [],
    oneOf: line.row.model,
  }));
  // Unlocked in any case: what is chosen is looked at again with the rest of its pack, whose windows are locked in one order.
  const rooms = await readRooms(client, [...new Set(requests.flatMap(({ windowIds }) => windowIds))]);
  look.short = shortWindows(rooms, requests);
  const verdicts = admit(rooms, requests, terms.unbudgeted);
  const refused = tried.filter((_, index) => !verdicts[index]?.fits && !verdicts[index]?.passedOver);
  if (refused.length > 0) await noteBudget(client, refused, terms.now);
  const chosen = new Set(tried.filter((_, index) => verdicts[index]?.fits));
  return lines.filter((line) => !isTried(line) || chosen.has(line));
}

const triedBy = (lines: readonly Line[], { models }: IntentTerms): string[] =>
  [...models.probing.keys()].filter((model) => lines.some(({ row }) => row.model === model));

function groupByBulk(lines: readonly Line[]): Line[][] {
  const groups = new Map<string, Line[]>();
  for (const line of lines) {
    const group = groups.get(line.bulkId);
    if (group === undefined) groups.set(line.bulkId, [line]);
    else group.push(line);
  }
  return [...groups.values()];
}

/** The budget windows that bind each line: those of its bulk, and of labels of its own. */
async function windowsOf(
  client: Client,
  lines: readonly Line[],
  { now }: IntentTerms,
): Promise<Map<string, bigint[]>> {
  const { windowIds } = await windowsFor(
    client,
    lines.map(({ row }) => ({
      tenantId: row.tenant_id,
      queueId: row.queue_id,
      jobType: row.job_type,
      bulkId: row.bulk_id,
      labels: row.labels,
    })),
    now,
  );
  return new Map(lines.map((line, index) => [line.id, windowIds[index] ?? []]));
}

async function roomFor(
  client: Client,
  requests: readonly HoldRequest[],
  lock: boolean,
): Promise<Map<bigint, bigint>> {
  const ids = [...new Set(requests.flatMap(({ windowIds }) => windowIds))];
  if (!lock) return readRooms(client, ids);
  return new Map([...(await lockWindows(client, ids))].map(([id, room]) => [id, room.availableNano]));
}

async function noteBudget(client: Client, lines: readonly Line[], now: Date): Promise<void> {
  const news = lines.filter(({ row }) => row.wait_reason !== "budget" || row.labels !== null);
  const restUntil = new Date(now.getTime() + limits.budgetRestMs);
  if (news.length > 0) await markWaiting(client, [news.map(({ id }) => id), restUntil]);
}

async function writeIntent(
  client: Client,
  lines: readonly Line[],
  windows: ReadonlyMap<string, bigint[]>,
  terms: IntentTerms,
): Promise<string> {
  const [batchId, holdId] = [terms.newId(), terms.newId()];
  const windowsOfLine = (line: Line): bigint[] => windows.get(line.id) ?? [];
  await dispatchLines(client, [
    lines.map(({ id }) => id),
    lines.map(({ worstNano }) => worstNano),
    lines.map(({ priceId }) => priceId),
    lines.map((line) => `{${windowsOfLine(line).join(",")}}`),
    batchId,
    holdId,
    terms.credentialId,
    terms.processId,
    terms.now,
    lines.map(({ requestBytes }) => requestBytes),
    lines.map(({ bounds }) => bounds.inputTokensMax),
    lines.map(({ bounds }) => bounds.outputTokensMax),
  ]);
  const requests = lines.map((line) => ({ amountNano: line.worstNano, windowIds: windowsOfLine(line) }));
  const verdicts = admit(await roomFor(client, requests, true), requests, terms.unbudgeted);
  if (verdicts.some(({ fits }) => !fits)) throw new MoneyGone();
  const parts = new Map<bigint, bigint>();
  for (const { amountNano, windowIds } of requests)
    for (const id of windowIds) parts.set(id, (parts.get(id) ?? 0n) + amountNano);
  await takeHold(client, {
    id: holdId,
    tenantId: terms.queue.tenantId,
    ownerKind: "message_batch",
    ownerId: batchId,
    reason: "message_batch",
    amountNano: requests.reduce((sum, { amountNano }) => sum + amountNano, 0n),
    parts,
    expiresAt: null,
  });
  const { queue, credentialId, now } = terms;
  await noteProbe(client, credentialId, { models: triedBy(lines, terms), now });
  await insertBatch(client, [
    batchId,
    queue.tenantId,
    queue.queueId,
    credentialId,
    lines.length,
    BigInt(bodyBytes(lines)),
    holdId,
    now,
  ]);
  return batchId;
}
