// The rows of processes: who is alive, by leases. What a lease means is told in control/processes.ts.
import type { Database } from "./pool.ts";
import { query, queryOne } from "./query.ts";

const insert = query("processes/insert");
const renew = query("processes/renew");
const acknowledge = query("processes/acknowledge-flags");
const end = query("processes/end");
const countAlive = queryOne("processes/count-alive");
const tidy = query("processes/tidy");
const suspects = query("processes/suspects");
const confirmDead = query("processes/confirm-dead");
const reap = query("reaper/reap");

export interface NewProcess {
  id: string;
  host: string;
  pid: number;
  roles: readonly string[];
  /** Realtime calls at once; 0 for a process that makes none. */
  concurrency: number;
  leaseMs: number;
  /** The id under which it was declared dead; null at its start. */
  oldId: string | null;
  /** By what another process on its machine can see that it is dead; null where the kernel does not tell. */
  identity: string | null;
}

export async function insertProcess(database: Database, row: NewProcess): Promise<void> {
  const { id, host, pid, roles, concurrency, leaseMs, oldId, identity } = row;
  await insert(database, [id, host, pid, [...roles], concurrency, leaseMs, oldId, identity]);
}

/** Processes that have lost their lease and may still be alive, with their identities. */
export async function readSuspects(
  database: Database,
  rowsMax: number,
): Promise<{ id: string; identity: string }[]> {
  return (await suspects(database, [rowsMax])).rows;
}

/** Writes down that a process was seen to be dead; false if that was known, or it lives. */
export async function confirmProcessDead(database: Database, id: string): Promise<boolean> {
  return (await confirmDead(database, [id])).rowCount > 0;
}

/** Renews the lease. False: this process has been declared dead, or has ended. */
export async function renewProcess(database: Database, id: string, leaseMs: number): Promise<boolean> {
  const { rowCount } = await renew(database, [id, leaseMs]);
  return rowCount > 0;
}

/** Writes down which version of the flags the process obeys from now on, and when it last began a call before that. */
export async function acknowledgeFlags(
  database: Database,
  id: string,
  { version, lastCallAt }: { version: bigint; lastCallAt: Date | null },
): Promise<void> {
  await acknowledge(database, [id, version, lastCallAt]);
}

export async function endProcess(database: Database, id: string): Promise<void> {
  await end(database, [id]);
}

/** How many processes of a role are alive, and the calls at once they are set up for in all. */
export async function aliveProcesses(
  database: Database,
  role: string,
): Promise<{ processes: number; concurrency: number }> {
  return (await countAlive(database, [role])) ?? { processes: 0, concurrency: 0 };
}

/** Declares dead whose lease has ended; answers their ids. */
export async function reapProcesses(database: Database, rowsMax: number): Promise<string[]> {
  const { rows } = await reap(database, [rowsMax]);
  return rows.map((row) => row.id);
}

/** Removes rows of processes that ended longer ago than this; answers how many. */
export async function tidyProcesses(database: Database, keptMs: number): Promise<number> {
  const { rowCount } = await tidy(database, [keptMs]);
  return rowCount;
}
