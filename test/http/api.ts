// An API process of its own for a test file: a cloned database, the app over real HTTP, two tenants and their keys.
import { Registry } from "prom-client";
import { systemClock } from "../../src/config/clock.ts";
import { parseConfig } from "../../src/config/config.ts";
import { newId } from "../../src/config/ids.ts";
import { loadJobTypes } from "../../src/config/job-types.ts";
import { createAccessKey, createTenant } from "../../src/control/access.ts";
import type { Scope } from "../../src/domain/access.ts";
import { installationTenantId } from "../../src/domain/ids.ts";
import { createApp } from "../../src/http/app.ts";
import type { AppDeps } from "../../src/http/deps.ts";
import { listen } from "../../src/http/server.ts";
import { silentLog } from "../../src/observe/log.ts";
import { openPool, type Pool } from "../../src/postgres/pool.ts";
import { putQueue } from "../../src/postgres/queues.ts";
import { cloneDatabase } from "../support/stores.ts";

export interface Requested {
  readonly method?: string;
  readonly key?: string;
  readonly headers?: Record<string, string>;
  readonly json?: unknown;
  readonly body?: RequestInit["body"];
}

// Answers are read as what they are; the tests say what they expect of them.
// oxlint-disable-next-line typescript/no-explicit-any
export type Json = any;

export interface TestApi {
  readonly origin: string;
  readonly pool: Pool;
  readonly deps: AppDeps;
  /** Secrets: both tenants' all-scope keys and the installation's. */
  readonly keys: { readonly one: string; readonly two: string; readonly installation: string };
  readonly tenants: { readonly one: string; readonly two: string };
  key(tenantId: string, scopes: readonly Scope[]): Promise<string>;
  send(path: string, request?: Requested): Promise<Response>;
  /** Sends and parses the answer, which must have this status. */
  json(status: number, path: string, request?: Requested): Promise<Json>;
  close(): Promise<void>;
}

const everything: readonly Scope[] = ["submit", "read", "operate", "admin"];
const plainQueue = {
  owner: "team",
  defaultType: "classify-intent",
  defaultUrgency: null,
  defaultPriority: null,
  concurrencyMax: null,
  attemptsMax: null,
  jobAgeMaxS: null,
  approveAboveNano: null,
};

/** Starts it; `settings` by their environment names. */
export async function startApi(settings: Record<string, string> = {}): Promise<TestApi> {
  const database = await cloneDatabase();
  const pool = openPool(database.url, { max: 10, applicationName: "test-http", log: silentLog });
  const access = { pool, newId };
  const one = await createTenant(access, "one", "test");
  const two = await createTenant(access, "two", "test");
  for (const tenantId of [one.id, two.id])
    await putQueue(pool, { id: newId(), tenantId, name: "default" }, plainQueue);
  const key = async (tenantId: string, scopes: readonly Scope[]): Promise<string> =>
    (
      await createAccessKey(access, {
        tenantId,
        scopes,
        holderKind: "service",
        holderName: "test",
        actor: "test",
      })
    ).secret;
  const processId = await registerProcess(pool);
  const config = parseConfig(settings);
  const deps: AppDeps = {
    pool,
    config,
    jobTypes: await loadJobTypes({ dirs: config.jobsDir === undefined ? [] : [config.jobsDir] }),
    log: silentLog,
    clock: systemClock,
    newId,
    process: { id: processId },
    queueReady: () => Promise.resolve(),
    metrics: new Registry(),
  };
  const server = await listen(createApp(deps), { host: "127.0.0.1", port: 0 });
  const origin = `http://127.0.0.1:${server.port}`;
  const keys = {
    one: await key(one.id, everything),
    two: await key(two.id, everything),
    installation: await key(installationTenantId, everything),
  };
  const send = (path: string, request: Requested = {}): Promise<Response> =>
    sendTo(origin, path, { key: keys.one, ...request });
  return {
    origin,
    pool,
    deps,
    keys,
    tenants: { one: one.id, two: two.id },
    key,
    send,
    json: async (status, path, request) => {
      const response = await send(path, request);
      const text = await response.text();
      if (response.status !== status)
        throw new Error(`${path} answered ${response.status}, not ${status}: ${text}`);
      return JSON.parse(text);
    },
    close: async () => {
      await server.close(0);
      await pool.end();
      await database.drop();
    },
  };
}

function sendTo(
  origin: string,
  path: string,
  { method, key, headers, json, body }: Requested,
): Promise<Response> {
  const content = json === undefined ? body : JSON.stringify(json);
  return fetch(`${origin}${path}`, {
    method: method ?? (content === undefined ? "GET" : "POST"),
    headers: {
      ...(key === undefined || key === "" ? {} : { authorization: `Bearer ${key}` }),
      ...(json === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(content === undefined ? {} : { body: content }),
    ...(content instanceof ReadableStream ? { duplex: "half" } : {}),
  });
}

async function registerProcess(pool: Pool): Promise<string> {
  const id = newId();
  await pool.query(
    "INSERT INTO processes (id, host, pid, roles, lease_until) VALUES ($1, 'test', 1, '{api}', now() + interval '1 hour')",
    [id],
  );
  return id;
}

/** NDJSON of these values. */
export const ndjson = (values: readonly unknown[]): string =>
  values.map((value) => `${JSON.stringify(value)}\n`).join("");

const ndjsonType = { "content-type": "application/x-ndjson" };

/** Options of an upload of these lines. */
export const upload = (lines: readonly unknown[], headers: Record<string, string> = {}): Requested => ({
  method: "POST",
  body: ndjson(lines),
  headers: { ...ndjsonType, ...headers },
});

/** An upload of this very text. */
export const rawUpload = (body: RequestInit["body"], headers: Record<string, string> = {}): Requested => ({
  method: "POST",
  body,
  headers: { ...ndjsonType, ...headers },
});

export const intentLabels = ["card_arrival", "lost_card", "refund"];
/** A valid line of classify-intent without shared input. */
export const intentLine = (text: string, more: Record<string, unknown> = {}) => ({
  input: { text, labels: intentLabels },
  ...more,
});
export const intentLines = (count: number) =>
  Array.from({ length: count }, (_, index) => intentLine(`Where is my card number ${index}?`));

/** The lines of an NDJSON answer. */
export const linesOf = (text: string): Json[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
