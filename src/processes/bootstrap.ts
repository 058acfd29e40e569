// What a database needs before work can begin: its tables, the job types on record, and on the very first start a tenant with a
// queue, a small budget for it and the keys to use them. Several processes may start at once: one does it, the others wait and find it done.
//
// The first keys are written to `<data dir>/keys.json`, readable by this user only: they are shown nowhere else, and losing the
// file costs nothing that `sluice key create` cannot mend.

import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../config/clock.ts";
import type { Config } from "../config/config.ts";
import { newId } from "../config/ids.ts";
import type { JobTypes } from "../config/job-types.ts";
import { limits } from "../config/limits.ts";
import { createAccessKey, createTenant, requireTenant } from "../control/access.ts";
import { installationTenantId } from "../domain/ids.ts";
import { createBudget } from "../money/budgets.ts";
import type { Log } from "../observe/log.ts";
import { registerJobTypes } from "../postgres/job-types.ts";
import { migrate } from "../postgres/migrate.ts";
import { withClient } from "../postgres/pool.ts";
import type { Pool } from "../postgres/pool.ts";
import { query, queryOne } from "../postgres/query.ts";
import { putQueue } from "../postgres/queues.ts";

const lock = query("bootstrap/lock");
const unlock = query("bootstrap/unlock");
const count = queryOne("bootstrap/count");

export interface BootstrapDeps {
  pool: Pool;
  config: Config;
  log: Log;
  jobTypes: JobTypes;
}

/** The keys of the first start, as they stand in the keys file. */
export interface FirstKeys {
  /** Manages the installation and signs in to Bull Board. */
  installation: string;
  /** Submits and reads as the tenant `default`. */
  default: string;
}

export const keysFile = (dataDir: string): string => join(dataDir, "keys.json");

const actor = "bootstrap";

/** Migrates, registers the job types and, in an empty installation, makes the first tenant, queue and keys. */
export async function bootstrap(deps: BootstrapDeps): Promise<void> {
  await migrate(deps.pool, deps.log);
  await withClient(deps.pool, async (client) => {
    await lock(client, []);
    try {
      await registerJobTypes(deps.pool, [...deps.jobTypes.values()]);
      await makeFirst(deps);
    } finally {
      await unlock(client, []);
    }
  });
}

async function makeFirst({ pool, config, log }: BootstrapDeps): Promise<void> {
  const found = await count(pool, []);
  const access = { pool, newId };
  if (found?.tenants === 0) {
    const tenant = await createTenant(access, "default", actor);
    const queue = await putQueue(pool, { id: newId(), tenantId: tenant.id, name: "default" }, firstQueue);
    log.event("tenant.created", { tenantId: tenant.id });
    // Where work without a budget runs, nothing asks for one.
    if (config.unbudgeted === "refuse")
      await createBudget(
        { pool, clock: systemClock, log, newId },
        { ...firstBudget, tenantId: tenant.id, target: queue.id },
      );
  }
  if (found?.keys !== 0 || !config.roles.includes("api")) return;
  await writeFirstKeys(config, await createFirstKeys({ pool, newId }));
}

const firstQueue = {
  owner: "operator",
  defaultType: null,
  defaultUrgency: null,
  defaultPriority: null,
  concurrencyMax: null,
  attemptsMax: null,
  jobAgeMaxS: null,
  approveAboveNano: null,
};

const firstBudget = {
  scope: "queue",
  owner: "operator",
  limitNano: limits.firstBudgetNano,
  window: "day",
  timeZone: "UTC",
  whenBound: "wait",
  reason: "so that the first job can run",
  actor,
} as const;

async function createFirstKeys(access: { pool: Pool; newId: () => string }): Promise<FirstKeys> {
  const tenant = await requireTenant(access, "default");
  const scopes = ["submit", "read", "operate", "admin"] as const;
  const key = (tenantId: string, holderName: string) =>
    createAccessKey(access, { tenantId, holderKind: "person", holderName, scopes, actor });
  const installation = await key(installationTenantId, "operator");
  const first = await key(tenant.id, "operator");
  return { installation: installation.secret, default: first.secret };
}

async function writeFirstKeys({ dataDir }: Config, keys: FirstKeys): Promise<void> {
  await mkdir(dataDir, { recursive: true });
  await writeFile(keysFile(dataDir), `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 });
  // An older file keeps its mode when it is written over.
  await chmod(keysFile(dataDir), 0o600);
}
