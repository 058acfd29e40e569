// The provider's account that is billed and paced. While it is stopped nothing new starts but, after a while, one probe at a
// time: work waits with the reason `credential` and never fails for it. A model that the account may not use is held back in the
// same way, alone: see domain/refused-models.ts.

import { limits } from "../config/limits.ts";
import type { RefusedModels } from "../domain/refused-models.ts";
import { isForbidden, refusedJobsMax, refusedTogetherMs } from "../domain/refused-models.ts";
import type { Database } from "./pool.ts";
import { query, queryOne } from "./query.ts";
import type { RowOf } from "./query.ts";

const stop = query("credentials/stop");
const resume = query("credentials/resume");
const find = queryOne("credentials/find");
const refuse = query("credentials/refuse-model");
const probe = query("credentials/probe-models");
const listRows = query("credentials/list-refused");
const suspects = query("credentials/suspects");
const suspect = query("credentials/suspect-jobs");
const pruneRows = query("credentials/prune-suspects");
const allow = query("credentials/allow-model");

export interface CredentialState {
  stoppedAt: Date | null;
  stopReason: string | null;
  refusedModels: RefusedModels;
}

/** Marks a credential as refused by the provider; `reason` is an attempt outcome. */
export async function stopCredential(database: Database, id: string, reason: string): Promise<void> {
  await stop(database, [id, reason]);
}

/** A call for these models that was sent at `sentAt` has succeeded: what it proves wrong is lifted. */
export async function resumeCredential(
  database: Database,
  id: string,
  { sentAt, models }: { sentAt: Date; models: readonly string[] },
): Promise<void> {
  await resume(database, [id, sentAt, models]);
}

export interface Refusal {
  readonly model: string;
  readonly now: Date;
  /** It came from inside of a message batch that was accepted with this credential: the key itself is good. */
  readonly proved?: boolean;
  /** Which were refused, as far as that is known: suspected once the model answers others. */
  readonly jobIds?: readonly string[];
}

/** Which of these jobs, refused just now, are refused for what they ask and not for their model. */
export async function readForbidden(
  database: Database,
  jobIds: readonly string[],
): Promise<ReadonlySet<string>> {
  if (jobIds.length === 0) return new Set();
  const { rows } = await suspects(database, [jobIds]);
  return new Set(rows.filter(({ times }) => isForbidden(times)).map((row) => row.job_id));
}

/** These jobs were refused while their model answered others. */
export async function suspectJobs(database: Database, jobIds: readonly string[], now: Date): Promise<void> {
  if (jobIds.length > 0) await suspect(database, [jobIds, now]);
}

/** Holds a model back that was refused to the credential. Answers whether that has stopped the whole credential. */
export async function refuseModel(
  database: Database,
  id: string,
  { model, now, proved = false, jobIds = [] }: Refusal,
): Promise<boolean> {
  const { rowCount } = await refuse(database, [
    id,
    model,
    now,
    refusedTogetherMs,
    "credential_refused",
    proved,
    jobIds.slice(0, limits.suspectsPerModelMax),
    limits.suspectsPerModelMax,
  ]);
  return rowCount > 0;
}

/** Forgets which jobs were suspected before that instant; answers how many. */
export async function pruneSuspects(database: Database, before: Date, rowsMax: number): Promise<number> {
  return (await pruneRows(database, [before, rowsMax])).rowCount;
}

/** Refused models are tried again now; see {@link refuseModel}. */
export async function noteProbe(
  database: Database,
  id: string,
  { models, now }: { models: readonly string[]; now: Date },
): Promise<void> {
  if (models.length > 0) await probe(database, [id, models, now]);
}

/** The state now; null for a credential that does not exist. */
export async function readCredential(database: Database, id: string): Promise<CredentialState | null> {
  const row = await find(database, [id, refusedJobsMax]);
  if (row === undefined) return null;
  const { models, refused_at: refusedAt, tried_at: triedAt, jobs } = row;
  return {
    stoppedAt: row.stopped_at,
    stopReason: row.stop_reason,
    refusedModels: new Map(
      models.map((model, index) => [
        model,
        {
          refusedAt: refusedAt[index] ?? new Date(0),
          triedAt: triedAt[index] ?? new Date(0),
          jobs: (jobs[index] ?? "").split(",").filter((job) => job !== ""),
        },
      ]),
    ),
  };
}

/** Every model that is held back, the longest first. */
export async function listRefusedModels(database: Database): Promise<RowOf<"credentials/list-refused">[]> {
  return (await listRows(database, [])).rows;
}

/** A person lets a model's work go on. False: it was not held back. */
export async function allowModel(
  database: Database,
  act: { model: string; actor: string; reason: string },
): Promise<boolean> {
  return (await allow(database, [act.model, act.actor, act.reason])).rowCount > 0;
}
