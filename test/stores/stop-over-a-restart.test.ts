// A process that is frozen while PostgreSQL restarts: its session is gone with all others, and that proves nothing. A stop waits for it
// until it was seen to be dead, or a person says so.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import pg from "pg";
import { expect, test } from "vitest";
import { worldIdentityOf } from "../../src/config/data-dir/process-identity.ts";
import { newId } from "../../src/config/ids.ts";
import { readReceipt } from "../../src/control/stop-receipt.ts";
import { advanceStop, lift, requireStop, stopEverything } from "../../src/control/stops.ts";
import { silentLog as log } from "../../src/observe/log.ts";
import { openPostgres, stopPostgres } from "../../src/postgres/embedded/open-postgres.ts";
import { migrate } from "../../src/postgres/migrate.ts";
import { openPool, type Pool } from "../../src/postgres/pool.ts";
import { ask, newProject } from "./support.ts";

const act = { actor: "person:ada", reason: "incident" };
const idle = (): ChildProcess => spawn(process.execPath, ["-e", "setInterval(() => undefined, 1000)"]);

async function withPool<T>(url: string, use: (pool: Pool) => Promise<T>): Promise<T> {
  const pool = openPool(url, { max: 2, applicationName: "test", log });
  try {
    return await use(pool);
  } finally {
    await pool.end();
  }
}

/** A process as it stands in the rows when it was frozen a minute ago: its lease has ended, its session is the given connection's. */
const insertFrozen = (client: pg.Client, id: string, identity: string | null) =>
  client.query(
    `INSERT INTO processes (id, host, pid, roles, started_at, lease_until, session_pid, session_started_at, identity)
     VALUES ($1, 'here', 1, '{worker}', now() - interval '1 hour', now() - interval '1 minute', pg_backend_pid(), own_session_start(), $2)`,
    [id, identity],
  );

test("a process frozen over a restart of PostgreSQL keeps a stop open until its death is seen or confirmed", async () => {
  const project = await newProject();
  const at = { dataDir: project.dataDir, log };
  const frozen = idle();
  const [seenId, unseenId] = [newId(), newId()];
  try {
    const before = await openPostgres(at);
    await withPool(before.url, (pool) => migrate(pool, log));
    const session = new pg.Client({ connectionString: before.url });
    session.on("error", () => undefined);
    await session.connect();
    const identity = await worldIdentityOf(frozen.pid ?? 0);
    frozen.kill("SIGSTOP");
    await insertFrozen(session, seenId, identity);
    await insertFrozen(session, unseenId, null);
    await before.close();
    await stopPostgres(at);

    const after = await openPostgres(at);
    try {
      await withPool(after.url, async (pool) => {
        const deps = { database: pool, log };
        const set = await stopEverything(deps, "abort_and_cancel", act);
        const states = async () => {
          await advanceStop(deps, set.id);
          const { state, processes } = await readReceipt(pool, await requireStop(deps, set.id, null));
          const named = processes.map((process): [string, string] => [process.id, process.state]);
          return { state, ...Object.fromEntries(named) } as Record<string, string>;
        };
        expect(await states()).toEqual({
          state: "stopping",
          [seenId]: "unconfirmed",
          [unseenId]: "unconfirmed",
        });
        const exited = once(frozen, "exit");
        frozen.kill("SIGKILL");
        await exited;
        // Where the kernel tells who a process is, its death is seen; elsewhere a person has to say it as well.
        if (identity === null) await confirm(after.url, seenId);
        expect(await states()).toMatchObject({ state: "stopping", [unseenId]: "unconfirmed" });
        expect((await states())[seenId]).not.toBe("unconfirmed");
        expect(await confirm(after.url, unseenId)).toBe(true);
        expect(await confirm(after.url, unseenId)).toBe(false);
        expect((await states())["state"]).toBe("complete");
        const said =
          "SELECT actor, detail->>'reason' AS why FROM audit_events WHERE act = 'process.confirmed_dead'";
        expect(await ask(after.url, said)).toMatchObject({ why: "its machine is off" });
        await lift(deps, set.id, { ...act, tenantId: null });
      });
    } finally {
      await after.close();
    }
  } finally {
    frozen.kill("SIGKILL");
    await project.remove();
  }
});

const confirm = async (url: string, id: string): Promise<unknown> =>
  (await ask(url, `SELECT sluice_confirm_dead('${id}', 'its machine is off') AS news`))["news"];
