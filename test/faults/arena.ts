// Where runs take place: a PostgreSQL that all of them share (one of their own, where it is to be killed), a template database with the two tenants, their keys and queues, and
// the program. Each run takes a clone of the template and a Redis of its own.

import { randomBytes } from "node:crypto";
import pg from "pg";
import { newId } from "../../src/config/ids.ts";
import { loadJobTypes } from "../../src/config/job-types.ts";
import { createAccessKey, createTenant } from "../../src/control/access.ts";
import { priceAt, worstCostNanoUsd } from "../../src/domain/price.ts";
import { installationTenantId } from "../../src/domain/ids.ts";
import { silentLog } from "../../src/observe/log.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { registerJobTypes } from "../../src/postgres/job-types.ts";
import { putQueue } from "../../src/postgres/queues.ts";
import { queueNames } from "./plan.ts";
import type { QueueName } from "./plan.ts";
import { WarmProcesses } from "./warm.ts";

export interface Place {
  readonly postgresUrl: string;
  readonly templateDatabase: string;
  /** Kills the server and resolves when it is there again; only where nobody else uses it. */
  readonly crash?: (signal: "SIGKILL" | "SIGQUIT") => Promise<void>;
}

export interface Arena {
  /** Processes of the edition that is run. */
  readonly processes: WarmProcesses;
  readonly crashPostgres: NonNullable<Place["crash"]>;
  /** The key of the installation. */
  readonly operatorKey: string;
  readonly model: string;
  readonly queues: Readonly<
    Record<QueueName, { readonly id: string; readonly tenantId: string; readonly key: string }>
  >;
  /** What one line of the workload costs at worst in the realtime lane. */
  readonly worstNano: bigint;
  /** A clone of the template. */
  openDatabase(): Promise<{ readonly url: string; drop(): Promise<void> }>;
  close(): Promise<void>;
}

export const jobTypeName = "classify-intent";
export const sharedInput = { labels: ["card_lost", "refund", "change_pin"] };
/** The text of a line; the marker is how the simulator's log names whose call it was. */
export const textOf = (marker: string): string =>
  `I lost my card in the park this morning, please help me. sim-marker:${marker}`;

export async function openArena(place: Place, program: string): Promise<Arena> {
  const template = `torture_${randomBytes(6).toString("hex")}`;
  await onServer(place, `CREATE DATABASE ${template} TEMPLATE ${place.templateDatabase}`);
  const url = urlOf(place, template);
  const jobTypes = await loadJobTypes({ dirs: [] });
  const jobType = jobTypes.get(jobTypeName);
  if (jobType === undefined) throw new Error("no such job type");
  const pool = openPool(url, { max: 2, applicationName: "torture", log: silentLog });
  await registerJobTypes(pool, [...jobTypes.values()]);
  const access = { pool, newId };
  const keys = new Map<string, { tenantId: string; key: string }>();
  for (const name of ["alpha", "beta"]) {
    const { id: tenantId } = await createTenant(access, name, "torture");
    const wish = { tenantId, holderKind: "service", holderName: "torture", actor: "torture" } as const;
    const { secret } = await createAccessKey(access, {
      ...wish,
      scopes: ["submit", "read", "operate", "admin"],
    });
    keys.set(name, { tenantId, key: secret });
  }
  const { secret: operatorKey } = await createAccessKey(access, {
    tenantId: installationTenantId,
    holderKind: "service",
    holderName: "operator",
    actor: "torture",
    scopes: ["read", "operate", "admin"],
  });
  const queues = new Map<QueueName, Arena["queues"][QueueName]>();
  for (const queueName of queueNames) {
    const [tenant = "", name = ""] = queueName.split("/");
    const owner = keys.get(tenant);
    if (owner === undefined) throw new Error("a queue of nobody");
    const id = newId();
    await putQueue(pool, { id, tenantId: owner.tenantId, name }, queueSettings);
    queues.set(queueName, { id, ...owner });
  }
  await pool.end();
  const checked = jobType.prepare(sharedInput).check({ text: textOf("seed-000000-0000") });
  if (!checked.ok) throw new Error(JSON.stringify(checked.errors));
  const { model, inputTokensMax, outputTokensMax, traits } = checked.request;
  const price = priceAt(model, Date.now());
  if (price === undefined) throw new Error("a model without a price");
  const processes = new WarmProcesses(program);
  return {
    processes,
    crashPostgres: place.crash ?? (() => Promise.reject(new Error("this PostgreSQL serves others, too"))),
    operatorKey,
    model,
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- filled from the closed list
    queues: Object.fromEntries(queues) as Arena["queues"],
    worstNano: worstCostNanoUsd({ inputTokensMax, outputTokensMax, lane: "realtime", price, traits }),
    openDatabase: async () => {
      const name = `torture_${randomBytes(6).toString("hex")}`;
      await onServer(place, `CREATE DATABASE ${name} TEMPLATE ${template}`);
      return {
        url: urlOf(place, name),
        drop: () => onServer(place, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
      };
    },
    close: async () => {
      await processes.close();
      await onServer(place, `DROP DATABASE IF EXISTS ${template} WITH (FORCE)`);
    },
  };
}

const queueSettings = {
  owner: "torture",
  defaultType: jobTypeName,
  defaultUrgency: null,
  defaultPriority: null,
  concurrencyMax: null,
  attemptsMax: null,
  jobAgeMaxS: null,
  approveAboveNano: null,
};

function urlOf({ postgresUrl }: Place, database: string): string {
  const url = new URL(postgresUrl);
  url.pathname = database;
  return url.href;
}

async function onServer({ postgresUrl }: Place, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: postgresUrl });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
