// The embedded PostgreSQL: found or started, shared, never lost.
import { cp, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readServerRecord } from "../../src/config/data-dir/connection-file.ts";
import { identityOf, isRunning } from "../../src/config/data-dir/process-identity.ts";
import { silentLog as log } from "../../src/observe/log.ts";
import { openPostgres } from "../../src/postgres/embedded/open-postgres.ts";
import { waitFor } from "../support/wait.ts";
import { ask, newProject, openElsewhere, serverPid } from "./support.ts";

let project: Awaited<ReturnType<typeof newProject>>;
beforeEach(async () => {
  project = await newProject();
});
afterEach(() => project.remove());

test("DATABASE_URL is used as it is, and the banner keeps its password to itself", async () => {
  const opened = await openPostgres({
    databaseUrl: "postgres://me:secret@db.example:6432/prod",
    dataDir: project.dataDir,
    log,
  });
  expect(opened).toMatchObject({ kind: "external", url: "postgres://me:secret@db.example:6432/prod" });
  expect(opened.describe).toBe("PostgreSQL at db.example:6432/prod (DATABASE_URL)");
  await opened.close();
});

test("an empty directory becomes a durable server for this machine only, and its secrets are for the owner only", async () => {
  const { dataDir } = project;
  const opened = await openPostgres({ dataDir, log });
  expect(opened.kind).toBe("embedded");
  const { hostname, password } = new URL(opened.url);
  expect(hostname).toBe("127.0.0.1");
  expect(password.length).toBeGreaterThanOrEqual(32);
  expect(opened.describe).not.toContain(password);
  const shown = await ask(
    opened.url,
    `SELECT current_setting('listen_addresses') AS listens, current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commits,
              current_setting('max_connections')::int AS connections, current_setting('server_encoding') AS encoding, current_setting('password_encryption') AS auth`,
  );
  expect(shown).toEqual({
    listens: "127.0.0.1",
    fsync: "on",
    commits: "on",
    connections: 300,
    encoding: "UTF8",
    auth: "scram-sha-256",
  });
  expect((await stat(join(dataDir, "connection"))).mode & 0o777).toBe(0o600);
  expect((await stat(join(dataDir, "postgres/password"))).mode & 0o777).toBe(0o600);
  await expect(ask(opened.url.replace(password, "wrong"), "SELECT 1")).rejects.toThrow(
    "password authentication failed",
  );
  await opened.close();
  expect(await serverPid(dataDir, "postgres")).toBeUndefined();
});

test("a failing statement leaves no trace of its text or data in the server's log", async () => {
  const opened = await openPostgres({ dataDir: project.dataDir, log });
  await expect(ask(opened.url, "SELECT 'Ada Lovelace'::int")).rejects.toThrow("invalid input syntax");
  await opened.close();
  const text = await readFile(join(project.dataDir, "postgres/server.log"), "utf8");
  expect(text).toContain("ready to accept connections");
  expect(text).not.toContain("Ada");
});

test("a second process finds the first one's server, and the last one out stops it", async () => {
  const { dataDir } = project;
  const other = await openElsewhere(dataDir, "postgres");
  const here = await openPostgres({ dataDir, log });
  expect([other.stores[0]?.kind, here.kind]).toEqual(["embedded", "embedded-shared"]);
  expect(here.url).toBe(other.stores[0]?.url);
  const pid = await serverPid(dataDir, "postgres");
  await other.close();
  expect(await serverPid(dataDir, "postgres")).toBe(pid);
  expect(await ask(here.url, "SELECT 1 AS one")).toEqual({ one: 1 });
  await here.close();
  expect(await serverPid(dataDir, "postgres")).toBeUndefined();
});

test("three processes that start at once on an empty directory initialise it once", async () => {
  const { dataDir } = project;
  const [here, ...others] = await Promise.all([
    openPostgres({ dataDir, log }),
    openElsewhere(dataDir, "postgres"),
    openElsewhere(dataDir, "postgres"),
  ]);
  const stores = [here, ...others.flatMap((other) => other.stores)];
  expect(stores.map(({ kind }) => kind).toSorted()).toEqual([
    "embedded",
    "embedded-shared",
    "embedded-shared",
  ]);
  expect(new Set(stores.map(({ url }) => url)).size).toBe(1);
  await Promise.all([here.close(), ...others.map((other) => other.close())]);
  expect(await serverPid(dataDir, "postgres")).toBeUndefined();
});

test("kill -9 of the process that started it: the next start joins the server, and stops it in the end", async () => {
  const { dataDir } = project;
  const other = await openElsewhere(dataDir, "postgres");
  await ask(other.stores[0]?.url ?? "", "CREATE TABLE kept AS SELECT 42 AS answer");
  const pid = await serverPid(dataDir, "postgres");
  await other.kill();
  const here = await openPostgres({ dataDir, log });
  expect(here.kind).toBe("embedded-shared");
  expect(await serverPid(dataDir, "postgres")).toBe(pid);
  expect(await ask(here.url, "SELECT answer FROM kept")).toEqual({ answer: 42 });
  await here.close();
  expect(await serverPid(dataDir, "postgres")).toBeUndefined();
});

test("kill -9 of the server: it comes back by itself at the same address with all it acknowledged", async () => {
  const { dataDir } = project;
  const other = await openElsewhere(dataDir, "postgres");
  const here = await openPostgres({ dataDir, log });
  await ask(here.url, "CREATE TABLE kept AS SELECT 42 AS answer");
  const pid = await serverPid(dataDir, "postgres");
  process.kill(pid ?? 0, "SIGKILL");
  expect(
    await waitFor("the restarted server", () => ask(here.url, "SELECT answer FROM kept"), {
      timeoutMs: 20_000,
    }),
  ).toEqual({ answer: 42 });
  const record = await waitFor("the new record", async () => {
    const found = await readServerRecord(dataDir, "postgres");
    return found?.server?.pid === pid ? undefined : found;
  });
  expect(record.url).toBe(here.url);
  expect(record.users).toHaveLength(2);
  await Promise.all([other.close(), here.close()]);
  expect(await serverPid(dataDir, "postgres")).toBeUndefined();
});

test("kill -9 of the server while a session computes: no other begins in the same data before that session has ended", async () => {
  const { dataDir } = project;
  const here = await openPostgres({ dataDir, log });
  const busy = new pg.Client({ connectionString: here.url });
  busy.on("error", () => undefined);
  await busy.connect();
  const { rows } = await busy.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  const session = await identityOf(rows[0]?.pid ?? 0);
  const computing = busy
    .query(
      `DO $$ DECLARE until timestamptz := clock_timestamp() + interval '3 s';
       BEGIN WHILE clock_timestamp() < until LOOP NULL; END LOOP; END $$`,
    )
    .catch(() => undefined);
  const pid = await serverPid(dataDir, "postgres");
  process.kill(pid ?? 0, "SIGKILL");
  await waitFor(
    "the restarted server",
    async () => (await serverPid(dataDir, "postgres")) !== undefined && (await ask(here.url, "SELECT 1")),
    { timeoutMs: 20_000 },
  );
  expect(session !== undefined && (await isRunning(session))).toBe(false);
  await computing;
  await here.close();
});

test("kill -9 of everything, and its number now belongs to a stranger: the next start recovers and leaves the stranger alone", async () => {
  const { dataDir } = project;
  const other = await openElsewhere(dataDir, "postgres");
  await ask(other.stores[0]?.url ?? "", "CREATE TABLE kept AS SELECT 42 AS answer");
  const pid = (await serverPid(dataDir, "postgres")) ?? 0;
  await other.kill();
  process.kill(pid, "SIGKILL");
  await waitFor("the server's end", async () => (await serverPid(dataDir, "postgres")) === undefined);
  const pidFile = join(dataDir, "postgres/data/postmaster.pid");
  const stale = await readFile(pidFile, "utf8");
  await writeFile(pidFile, stale.replace(String(pid), String(process.pid)));
  const here = await openPostgres({ dataDir, log });
  expect(here.kind).toBe("embedded");
  expect(here.url).toBe(other.stores[0]?.url);
  expect(await ask(here.url, "SELECT answer FROM kept")).toEqual({ answer: 42 });
  await here.close();
});

test("without the connection file a running server is stopped and its data used, never opened twice", async () => {
  const { dataDir } = project;
  const other = await openElsewhere(dataDir, "postgres");
  await ask(other.stores[0]?.url ?? "", "CREATE TABLE kept AS SELECT 42 AS answer");
  await other.kill();
  await rm(join(dataDir, "connection"));
  const here = await openPostgres({ dataDir, log });
  expect(here.kind).toBe("embedded");
  expect(await ask(here.url, "SELECT answer FROM kept")).toEqual({ answer: 42 });
  await here.close();
});

test("a copy of the project gets a server of its own", async () => {
  const { dataDir } = project;
  const here = await openPostgres({ dataDir, log });
  const copy = await newProject();
  await mkdir(copy.dataDir);
  await cp(join(dataDir, "connection"), join(copy.dataDir, "connection"));
  const there = await openPostgres({ dataDir: copy.dataDir, log });
  expect(there.kind).toBe("embedded");
  expect(there.url).not.toBe(here.url);
  await Promise.all([here.close(), there.close()]);
  await copy.remove();
});

test("a data directory deleted under a running server leaves no server behind", async () => {
  const here = await openPostgres({ dataDir: project.dataDir, log });
  const pid = (await serverPid(project.dataDir, "postgres")) ?? 0;
  await rm(project.dataDir, { recursive: true });
  await here.close();
  expect(await identityOf(pid)).toBeUndefined();
});
