// Budget windows: found, opened, locked, held against. The order of locks is the same everywhere: windows by id, taken last.

import type { Client, Database, Pool } from "./pool.ts";
import { windowAt } from "../domain/budget-window.ts";
import type { FullLabel } from "../domain/full-labels.ts";
import { installationTenantId } from "../domain/ids.ts";
import type { HoldRequest } from "../domain/hold.ts";
import type { WorkScope } from "../domain/work-scope.ts";
import { query } from "./query.ts";

const findOpen = query("windows/find-open");
const openWindow = query("windows/open-window");
const allOpen = query("windows/all-open");
const lock = query("windows/lock");
const readRoom = query("windows/read-room");
const noteBoundWindows = query("windows/note-bound");
const changeWindows = query("windows/change");
const insertHolds = query("holds/insert");

/** What decides which budgets bind a piece of work. */
export interface MoneyScope extends Omit<WorkScope, "model"> {
  /** Its own labels as JSON text; null where it has those of its bulk. */
  labels: string | null;
}

export interface OpenWindows {
  /** The ids of the windows that bind each scope, in the order of the scopes; none where no budget applies. */
  windowIds: bigint[][];
  /** Those among them whose budget sends work that may wait to the batch lane. */
  downgrading: ReadonlySet<bigint>;
  /** Those among them that are of a label, with the work they bind. */
  labels: ReadonlyMap<bigint, FullLabel>;
}

export interface WindowRoom {
  availableNano: bigint;
  budgetId: string;
}

/** The open windows that bind each scope. Windows that have yet to begin in this period are opened on the way. */
export async function windowsFor(
  client: Database,
  scopes: readonly MoneyScope[],
  at: Date,
): Promise<OpenWindows> {
  const { keys, ordinals } = distinct(scopes);
  let rows = await readOpen(client, keys, at);
  const missing = new Map(rows.filter((row) => row.window_id === null).map((row) => [row.budget_id, row]));
  if (missing.size > 0) {
    await openWindows(client, [...missing.values()], at);
    rows = await readOpen(client, keys, at);
  }
  const found = keys.map((): bigint[] => []);
  const downgrading = new Set<bigint>();
  const labels = new Map<bigint, FullLabel>();
  for (const row of rows) {
    const { window_id: id, ordinal, when_bound: whenBound } = row;
    if (id === null) continue;
    found[ordinal]?.push(id);
    if (whenBound === "downgrade") downgrading.add(id);
    if (row.scope === "label") labels.set(id, labelOf(row));
  }
  return { windowIds: ordinals.map((ordinal) => found[ordinal] ?? []), downgrading, labels };
}

/** Label targets are written `name:value`, and a name holds no colon. */
function labelOf({ tenant_id: tenantId, target }: { tenant_id: string; target: string }): FullLabel {
  const colon = target.indexOf(":");
  const label = JSON.stringify({ [target.slice(0, colon)]: target.slice(colon + 1) });
  return { tenantId: tenantId === installationTenantId ? null : tenantId, label };
}

interface WindowlessBudget {
  budget_id: string;
  tenant_id: string;
  window_kind: "day" | "month" | "total";
  time_zone: string;
  created_at: Date;
}

async function openWindows(client: Database, budgets: readonly WindowlessBudget[], at: Date): Promise<void> {
  // In one order, as everything that is locked.
  for (const row of budgets.toSorted((a, b) => (a.budget_id < b.budget_id ? -1 : 1))) {
    const { startsAt, endsAt } = windowAt(row.window_kind, row.time_zone, at, row.created_at);
    // oxlint-disable-next-line no-await-in-loop -- one connection; a handful of budgets, once in a window
    await openWindow(client, [row.budget_id, row.tenant_id, startsAt, endsAt]);
  }
}

/** The window of every budget at an instant, whatever its scope; opened on the way where it has yet to begin. */
export async function everyWindow(client: Database, at: Date): Promise<bigint[]> {
  const missing = (await allOpen(client, [at])).rows.filter((row) => row.window_id === null);
  await openWindows(client, missing, at);
  return (await allOpen(client, [at])).rows.flatMap((row) => (row.window_id === null ? [] : [row.window_id]));
}

/** Locks windows until the end of the transaction and answers what is left in each. */
export async function lockWindows(client: Client, ids: readonly bigint[]): Promise<Map<bigint, WindowRoom>> {
  if (ids.length === 0) return new Map();
  const { rows } = await lock(client, [[...new Set(ids)]]);
  return new Map(rows.map((row) => [row.id, { availableNano: row.available_nano, budgetId: row.budget_id }]));
}

/** What is left in windows now, unlocked: for choosing what is worth trying, never for deciding. */
export async function readRooms(database: Database, ids: readonly bigint[]): Promise<Map<bigint, bigint>> {
  if (ids.length === 0) return new Map();
  const { rows } = await readRoom(database, [[...new Set(ids)]]);
  return new Map(rows.map((row) => [row.id, row.available_nano]));
}

/** The windows that have no room for one of these requests. */
export function shortWindows(
  rooms: ReadonlyMap<bigint, bigint>,
  requests: readonly HoldRequest[],
): ReadonlySet<bigint> {
  return new Set(
    requests.flatMap(({ amountNano, windowIds }) =>
      windowIds.filter((id) => (rooms.get(id) ?? amountNano) < amountNano),
    ),
  );
}

/**
 * Notes that windows have no room, where that is news: their owner is told once in a window. In a transaction of its own, behind the
 * one that found it out: it locks windows, and who goes on to lock others for a hold would take them out of their order. What a
 * store that is away has kept from being noted is found again by the next look.
 */
export async function noteBound(pool: Pool, windowIds: ReadonlySet<bigint>): Promise<void> {
  if (windowIds.size > 0) await noteBoundWindows(pool, [[...windowIds]]).catch(() => undefined);
}

/** What is left now in every budget that a scope is under; a window that has yet to begin is whole. Unlocked, for showing. */
export async function readBudgetRooms(
  database: Database,
  scope: MoneyScope,
  at: Date,
): Promise<{ budgetId: string; availableNano: bigint }[]> {
  const rows = await readOpen(database, [scope], at);
  const rooms = await readRooms(
    database,
    rows.flatMap(({ window_id: id }) => (id === null ? [] : [id])),
  );
  return rows.map((row) => ({
    budgetId: row.budget_id,
    availableNano: (row.window_id === null ? undefined : rooms.get(row.window_id)) ?? row.limit_nano,
  }));
}

export interface NewHold {
  id: string;
  tenantId: string;
  ownerKind: "attempt" | "message_batch";
  ownerId: string;
  reason: string;
  amountNano: bigint;
  /** Nano-dollars by window; for a message batch the sum of its lines that fall under that window. */
  parts: ReadonlyMap<bigint, bigint>;
  expiresAt: Date | null;
}

interface WindowChange {
  heldNano: bigint;
  spentNano: bigint;
  overrunNano: bigint;
}

/** What a transaction does to its windows, gathered while it works and written last, in one statement. */
export class WindowChanges {
  readonly #changes = new Map<bigint, WindowChange>();

  /** Adds to a window: money newly held (or released, negative), spent, and spent above its hold. */
  add(windowId: bigint, change: Partial<WindowChange>): void {
    const sum = this.#changes.get(windowId) ?? { heldNano: 0n, spentNano: 0n, overrunNano: 0n };
    sum.heldNano += change.heldNano ?? 0n;
    sum.spentNano += change.spentNano ?? 0n;
    sum.overrunNano += change.overrunNano ?? 0n;
    this.#changes.set(windowId, sum);
  }

  /** What the gathered changes leave of what was available in the windows. */
  applyTo(available: ReadonlyMap<bigint, bigint>): Map<bigint, bigint> {
    return new Map(
      [...available].map(([id, nano]) => {
        const changed = this.#changes.get(id);
        return [id, changed === undefined ? nano : nano - changed.heldNano - changed.spentNano];
      }),
    );
  }

  ids(): bigint[] {
    return [...this.#changes.keys()];
  }

  /** Writes them; locks the windows in id order where the transaction has not locked them before. */
  async write(client: Client): Promise<void> {
    if (this.#changes.size === 0) return;
    const sums = [...this.#changes.values()];
    await changeWindows(client, [
      this.ids(),
      sums.map((sum) => sum.heldNano),
      sums.map((sum) => sum.spentNano),
      sums.map((sum) => sum.overrunNano),
    ]);
  }
}

/** Writes holds whose windows the transaction has locked and whose fit was decided by `admit`. All or none. */
export async function takeHolds(
  client: Client,
  holds: readonly NewHold[],
  changes: WindowChanges,
): Promise<void> {
  const parts = holds.flatMap((hold) =>
    [...hold.parts].map(([windowId, nano]) => ({ holdId: hold.id, windowId, nano })),
  );
  await insertHolds(client, [
    holds.map((hold) => hold.id),
    holds.map((hold) => hold.tenantId),
    holds.map((hold) => hold.ownerKind),
    holds.map((hold) => hold.ownerId),
    holds.map((hold) => hold.reason),
    holds.map((hold) => hold.amountNano),
    holds.map((hold) => hold.expiresAt),
    parts.map((part) => part.holdId),
    parts.map((part) => part.windowId),
    parts.map((part) => part.nano),
  ]);
  for (const { windowId, nano } of parts) changes.add(windowId, { heldNano: nano });
}

/** Takes one hold and writes its change: see {@link takeHolds}. */
export async function takeHold(client: Client, hold: NewHold): Promise<void> {
  const changes = new WindowChanges();
  await takeHolds(client, [hold], changes);
  await changes.write(client);
}

/** Thousands of lines share a handful of scopes: each is looked up once. */
function distinct(scopes: readonly MoneyScope[]): { keys: MoneyScope[]; ordinals: number[] } {
  const keys: MoneyScope[] = [];
  const seen = new Map<string, number>();
  const ordinals = scopes.map((scope) => {
    const name = `${scope.tenantId} ${scope.queueId} ${scope.bulkId} ${scope.jobType} ${scope.labels ?? ""}`;
    const known = seen.get(name);
    if (known !== undefined) return known;
    seen.set(name, keys.length);
    return keys.push(scope) - 1;
  });
  return { keys, ordinals };
}

async function readOpen(client: Database, keys: readonly MoneyScope[], at: Date) {
  const { rows } = await findOpen(client, [
    keys.map((_, index) => index),
    keys.map((key) => key.tenantId),
    keys.map((key) => key.queueId),
    keys.map((key) => key.jobType),
    keys.map((key) => key.bulkId),
    keys.map((key) => key.labels),
    at,
  ]);
  return rows;
}
