// The provider's account that is billed and paced. While it is stopped nothing new starts but, after a while, one probe at a
// time: work waits with the reason `credential` and never fails for it.

import type { Database } from "./pool.ts";
import { query, queryOne } from "./query.ts";

const stop = query("credentials/stop");
const resume = query("credentials/resume");
const find = queryOne("credentials/find");

export interface CredentialState {
  stoppedAt: Date | null;
  stopReason: string | null;
}

/** Marks a credential as refused by the provider; `reason` is an attempt outcome. */
export async function stopCredential(database: Database, id: string, reason: string): Promise<void> {
  await stop(database, [id, reason]);
}

/** Lifts the stop after the success of a call that was sent at `sentAt`. */
export async function resumeCredential(database: Database, id: string, sentAt: Date): Promise<void> {
  await resume(database, [id, sentAt]);
}

/** The state now; null for a credential that does not exist. */
export async function readCredential(database: Database, id: string): Promise<CredentialState | null> {
  const row = await find(database, [id]);
  return row === undefined ? null : { stoppedAt: row.stopped_at, stopReason: row.stop_reason };
}
