// src/postgres/windows.ts with its holds compiled out, for the benchmark that asks what they cost: no window is looked up or locked, no
// hold is written, nothing is settled against a budget. Everything else of the lane stays as it is.

import type * as windows from "../../src/postgres/windows.ts";

export const windowsFor: typeof windows.windowsFor = (_, scopes) =>
  Promise.resolve({ windowIds: scopes.map(() => []), downgrading: new Set(), labels: new Map() });
export const everyWindow: typeof windows.everyWindow = () => Promise.resolve([]);
export const readBudgetRooms: typeof windows.readBudgetRooms = () => Promise.resolve([]);
export const shortWindows: typeof windows.shortWindows = () => new Set();
export const noteBound: typeof windows.noteBound = () => Promise.resolve();
export const lockWindows: typeof windows.lockWindows = () => Promise.resolve(new Map());
export const readRooms: typeof windows.readRooms = () => Promise.resolve(new Map());
export const takeHolds: typeof windows.takeHolds = () => Promise.resolve();
export const takeHold: typeof windows.takeHold = () => Promise.resolve();

/** Gathers nothing and writes nothing. */
export class WindowChanges {
  add(): void {
    // There are no windows.
  }
  applyTo(available: ReadonlyMap<bigint, bigint>): Map<bigint, bigint> {
    return new Map(available);
  }
  ids(): bigint[] {
    return [];
  }
  write(): Promise<void> {
    return Promise.resolve();
  }
}
