// The kill switch: setting a stop, lifting it, and following it until it is complete.
//
// A stop is a flag row with its audit event, written in one statement. Nobody is told here; the row's trigger does that, and every
// process has shut its gate within milliseconds, aborted what the stop wants aborted, and written down the version it obeys. What
// else a stop needs (the cancellation of message batches, the mark that it is complete) is `advanceStop`: guarded statements that
// anybody may repeat. Who sets a stop does it once; after that whoever lives does (stop-keeper.ts), so a stop whose author died in
// the middle goes on all the same.
//
// Complete means that nothing of its scope can start any more: every process has acknowledged it, has ended, or is known to be
// dead; no call is in flight; no creation of a message batch waits for its answer; the provider was asked to cancel what is to be
// canceled. A frozen process keeps it open, because it may have checked the gate just before it froze.
import { newId } from "../config/ids.ts";
import { limits } from "../config/limits.ts";
import { ServiceError } from "../domain/errors.ts";
import type { FlagScope, StopMode } from "../domain/flag.ts";
import { installationTenantId } from "../domain/ids.ts";
import type { Log } from "../observe/log.ts";
import type { Database } from "../postgres/pool.ts";
import {
  cancelStoppedBatches,
  findOpenStop,
  findStop,
  liftStop,
  listStops,
  markComplete,
  setStop,
  type StopRow,
} from "../postgres/stops.ts";
import { confirmDead } from "./dead-processes.ts";
import type { Act } from "./pauses.ts";

export interface StopDeps {
  readonly database: Database;
  readonly log: Log;
}

/** What is to be stopped, and how. */
export interface StopWish {
  readonly scope: FlagScope;
  /** Id of the tenant, queue or bulk, name of the job type or model; empty for global. */
  readonly target: string;
  readonly mode: StopMode;
}

/**
 * Sets a stop in the name of a tenant or of the installation; only they lift it. One that is open for the same scope and target is
 * made harder where this one is, and becomes the installation's if that asks for it; a stop never stands in the way of another.
 */
export async function stop(
  deps: StopDeps,
  wish: StopWish,
  { tenantId, actor, reason }: Act & { tenantId: string },
  triesLeft = 5,
): Promise<StopRow> {
  const { scope, target, mode } = wish;
  const changed = await setStop(deps.database, { id: newId(), tenantId, ...wish, reason, actor });
  if (changed !== undefined) deps.log.event("stop.set", { flag: changed, scope, target, mode, actor });
  const open = await findOpenStop(deps.database, scope, target);
  // Somebody lifted it between the two statements: as if they had come first. Not for ever: a row that cannot be read is a fault.
  if (open === undefined && triesLeft === 0)
    throw new Error(`the stop of ${scope} ${target} cannot be read back`);
  if (open === undefined) return stop(deps, wish, { tenantId, actor, reason }, triesLeft - 1);
  await advanceStop(deps, open.id);
  return (await findStop(deps.database, open.id, null)) ?? open;
}

/** Stops everything. For the installation only: the caller has checked that. */
export const stopEverything = (deps: StopDeps, mode: StopMode, act: Act): Promise<StopRow> =>
  stop(deps, { scope: "global", target: "", mode }, { ...act, tenantId: installationTenantId });

/**
 * Lifts a stop of a tenant, or of anybody (null). Lifting it again changes nothing.
 * @throws ServiceError not_found
 */
export async function lift(
  deps: StopDeps,
  id: string,
  by: Act & { readonly tenantId: string | null },
): Promise<StopRow> {
  const lifted = await liftStop(deps.database, id, by);
  const row = await findStop(deps.database, id, by.tenantId);
  if (row === undefined) throw new ServiceError("not_found");
  if (lifted)
    deps.log.event("stop.lifted", { flag: id, scope: row.scope, target: row.target, actor: by.actor });
  return row;
}

/** @throws ServiceError not_found */
export async function requireStop(
  { database }: Pick<StopDeps, "database">,
  id: string,
  tenantId: string | null,
): Promise<StopRow> {
  const row = await findStop(database, id, tenantId);
  if (row === undefined) throw new ServiceError("not_found");
  return row;
}

/** The stops in force, of everybody. */
export const openStops = ({ database }: Pick<StopDeps, "database">): Promise<StopRow[]> =>
  listStops(database, null, { openOnly: true, after: null, rowsMax: limits.pageRowsMax });

/** Does what a stop still needs. Everything in it may be done by several at once, and again. */
export async function advanceStop({ database, log }: StopDeps, id: string): Promise<void> {
  await confirmDead({ database, log });
  const batches = await cancelStoppedBatches(database, id);
  if (batches > 0) log.event("stop.canceling", { flag: id, batches });
  if (await markComplete(database, id)) log.event("stop.complete", { flag: id });
}
