// Pausing and resuming: one flag row and its audit event in one statement. Nobody is told here; the row's trigger does that, and
// every process sees it within milliseconds. Paused means: no new call and no new message batch. What is under way ends, and
// polling, ingest, settlement and cancel never pause. Doing it twice is no mistake: the flag that is open stays as it is.
//
// What the breaker or an overrun has paused needs a person: a key whose holder is a service, or another BullMQ client, would be the
// runaway starting itself again.
import { newId } from "../config/ids.ts";
import { guardActors } from "../domain/breaker.ts";
import { ServiceError } from "../domain/errors.ts";
import type { Flag, FlagScope } from "../domain/flag.ts";
import { installationTenantId } from "../domain/ids.ts";
import type { Log } from "../observe/log.ts";
import { findQueue, liftPause, listOpenFlags, setPause, type QueueReference } from "../postgres/flags.ts";
import type { Database } from "../postgres/pool.ts";

interface PauseDeps {
  readonly database: Database;
  readonly log: Log;
}

/** Who acts, and why. The reason of a pause is shown wherever the pause is. */
export interface Act {
  readonly actor: string;
  readonly reason: string;
}

/**
 * Pauses a queue: by id, or by its own tenant and name. A shared queue belongs to the installation, so a tenant that names
 * one does not find it.
 * @throws ServiceError queue_not_found
 */
export async function pauseQueue(deps: PauseDeps, reference: QueueReference, act: Act): Promise<Flag> {
  const queue = await ownQueue(deps, reference);
  return pause(deps, { tenantId: queue.tenantId, scope: "queue", target: queue.id }, act);
}

/**
 * Lifts the pause of a queue; undefined if it was not paused. A pause of everything stays.
 * @throws ServiceError queue_not_found | person_needed
 */
export async function resumeQueue(
  deps: PauseDeps,
  reference: QueueReference,
  act: Act,
): Promise<Flag | undefined> {
  const queue = await ownQueue(deps, reference);
  return resume(deps, { scope: "queue", target: queue.id }, act);
}

/** Pauses all work of a tenant, in its own queues and in shared ones. For the installation only: the caller has checked that. */
export function pauseTenant(deps: PauseDeps, tenantId: string, act: Act): Promise<Flag> {
  return pause(deps, { tenantId, scope: "tenant", target: tenantId }, act);
}

/** Lifts the pause of a tenant; queues that are paused by themselves stay so. @throws ServiceError person_needed */
export function resumeTenant(deps: PauseDeps, tenantId: string, act: Act): Promise<Flag | undefined> {
  return resume(deps, { scope: "tenant", target: tenantId }, act);
}

/** Pauses everything. For the installation only: the caller has checked that. */
export function pauseAll(deps: PauseDeps, act: Act): Promise<Flag> {
  return pause(deps, { tenantId: installationTenantId, scope: "global", target: "" }, act);
}

/** Lifts the pause of everything; queues that are paused by themselves stay so. */
export function resumeAll(deps: PauseDeps, act: Act): Promise<Flag | undefined> {
  return resume(deps, { scope: "global", target: "" }, act);
}

/** The open pauses that a tenant may see, or all of them; the widest first. */
export async function listPauses(deps: PauseDeps, tenantId: string | null): Promise<Flag[]> {
  const open = await listOpenFlags(deps.database, tenantId);
  return open.filter((flag) => flag.kind === "pause");
}

async function ownQueue(
  deps: PauseDeps,
  reference: QueueReference,
): Promise<{ id: string; tenantId: string }> {
  const queue = await findQueue(deps.database, reference);
  if (queue === undefined) throw new ServiceError("queue_not_found");
  return queue;
}

interface PauseTarget {
  tenantId: string;
  scope: FlagScope;
  target: string;
}

async function pause(
  deps: PauseDeps,
  { tenantId, scope, target }: PauseTarget,
  { actor, reason }: Act,
): Promise<Flag> {
  const opened = await setPause(deps.database, { id: newId(), tenantId, scope, target, reason, actor });
  if (opened !== undefined) {
    deps.log.event("pause.set", { flag: opened.id, scope, target, actor });
    return opened;
  }
  const open = await listOpenFlags(deps.database, null);
  const known = open.find((flag) => flag.kind === "pause" && flag.scope === scope && flag.target === target);
  // Somebody lifted it between the two statements: as if they had come first.
  return known ?? pause(deps, { tenantId, scope, target }, { actor, reason });
}

async function resume(
  deps: PauseDeps,
  { scope, target }: Omit<PauseTarget, "tenantId">,
  { actor, reason }: Act,
): Promise<Flag | undefined> {
  const notSetBy = isPerson(actor) ? [] : guardActors;
  const lifted = await liftPause(deps.database, { scope, target, actor, reason, notSetBy });
  if (lifted !== undefined) deps.log.event("pause.lifted", { flag: lifted.id, scope, target, actor });
  else if (notSetBy.length > 0) await requireNoGuard(deps, { scope, target });
  return lifted;
}

/** Holders of keys that are people, and whoever works on the machine itself. */
const isPerson = (actor: string): boolean => /^(person|operator):/.test(actor);

/** @throws ServiceError person_needed, if what was to be lifted is a pause that a person lifts */
async function requireNoGuard(
  { database }: PauseDeps,
  { scope, target }: Omit<PauseTarget, "tenantId">,
): Promise<void> {
  const open = await listOpenFlags(database, null);
  const guard = open.find(
    (flag) =>
      flag.kind === "pause" &&
      flag.scope === scope &&
      flag.target === target &&
      guardActors.includes(flag.setBy),
  );
  if (guard !== undefined) throw new ServiceError("person_needed", { detail: guard.reason });
}
