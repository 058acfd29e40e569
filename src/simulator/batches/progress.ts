/**
 * Time moving through a batch: how many lines are due by now, producing them in slices, and the end. Work may lag behind the
 * clock (a jump of a day makes 100,000 lines due at once); a batch ends only when every line due before its end is produced.
 */
import { performance } from "node:perf_hooks";
import type { World } from "../world.ts";
import { expiresMs, retentionMs } from "./batch.ts";
import type { Batch } from "./batch.ts";
import { produceLine } from "./line.ts";

/** The first line comes after this share of the duration, the last at its end. */
const quietShare = 0.2;

/** Produces what is due for at most `budgetMs` of real time. True when nothing due is left. */
export const progress = (world: World, batch: Batch, budgetMs: number): boolean => {
  if (batch.endedMs !== null) {
    archive(world, batch);
    return true;
  }
  const now = world.clock.now();
  const target = dueLines(batch, now);
  const untilMs = performance.now() + budgetMs;
  while (batch.produced < target) {
    produceNext(world, batch);
    if (batch.produced < target && performance.now() > untilMs) return false;
  }
  const endMs = endOf(batch);
  if (now >= endMs) finish(batch, endMs);
  archive(world, batch);
  return true;
};

const produceNext = (world: World, batch: Batch): void => {
  const row = produceLine(world, batch, batch.order[batch.produced] ?? 0);
  batch.rows.appendText(row.text);
  batch.rowEnds.push(batch.rows.length);
  batch.tally[row.kind] += 1;
  batch.produced += 1;
};

/** When the batch ends if nothing more happens to it. */
export const endOf = (batch: Batch): number =>
  batch.cancel === null ? Math.min(batch.createdMs + batch.durationMs, expiresMs(batch)) : batch.cancel.endMs;

const dueLines = (batch: Batch, nowMs: number): number => {
  const total = batch.customIds.length;
  const { cancel } = batch;
  if (cancel === null) return Math.floor(total * shareDone(batch, Math.min(nowMs, expiresMs(batch))));
  const span = cancel.endMs - cancel.atMs;
  const share = span <= 0 || nowMs >= cancel.endMs ? 1 : (nowMs - cancel.atMs) / span;
  return Math.min(total, cancel.base + Math.floor(cancel.late * share));
};

const shareDone = (batch: Batch, nowMs: number): number => {
  const ageMs = nowMs - batch.createdMs;
  if (ageMs >= batch.durationMs) return 1;
  return Math.max(0, (ageMs / batch.durationMs - quietShare) / (1 - quietShare));
};

/** Whatever was not produced has expired, or was cancelled in time. */
const finish = (batch: Batch, endMs: number): void => {
  const rest = batch.customIds.length - batch.produced;
  batch.tally[batch.cancel === null ? "expired" : "canceled"] += rest;
  batch.endedMs = endMs;
  batch.lines.close();
};

/** 29 days after creation the results are gone. */
const archive = (world: World, batch: Batch): void => {
  const dueMs = batch.createdMs + retentionMs;
  if (batch.archivedMs !== null || world.clock.now() < dueMs) return;
  batch.archivedMs = dueMs;
  batch.rows.close();
};

/** Starts cancelling; lines in flight may still succeed. */
export const cancelBatch = (world: World, batch: Batch): void => {
  if (batch.cancel !== null || batch.endedMs !== null) return;
  const now = world.clock.now();
  const left = batch.customIds.length - batch.produced;
  const late = Math.min(left, Math.ceil(left * world.behaviour.cancelLateShare));
  const endMs = Math.min(now + world.behaviour.cancelDelayMs, expiresMs(batch));
  batch.cancel = { atMs: now, endMs, base: batch.produced, late };
};
