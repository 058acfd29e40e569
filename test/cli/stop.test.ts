// The kill switch of the operator, on a real database where no process lives; and `sluice sql`.
import type pg from "pg";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { exitCodes } from "../../src/cli/exit-codes.ts";
import { documentOf, run } from "./cli.ts";
import { openOperatorHome, type OperatorHome } from "./operator-home.ts";

let home: OperatorHome;
let db: pg.Client;
let environment: Record<string, string> = {};
beforeAll(async () => {
  home = await openOperatorHome();
  // No key: this machine may not call the provider.
  ({ db, environment } = home);
  await db.query("INSERT INTO tenants (id, name) VALUES ('t1', 'default')");
  await db.query("INSERT INTO queues (id, tenant_id, name, owner) VALUES ('q1', 't1', 'tickets', 'team')");
});
afterEach(async () => {
  await db.query("DELETE FROM processes");
  await db.query("UPDATE flags SET lifted_at = now(), lifted_by = 'test' WHERE lifted_at IS NULL");
});
afterAll(async () => {
  await home.close();
});

const sluice = (...argv: string[]) => run(argv, { environment });

test("everything is stopped without API and key, listed, shown and lifted under the operator's name", async () => {
  const stopped = await sluice("stop", "--all", "--mode", "abort_and_cancel", "--reason", "too dear");
  expect(stopped.code).toBe(exitCodes.done);
  expect(stopped.stdout).toContain("Complete: nothing of everything starts.");
  expect(stopped.stderr).toContain("ANTHROPIC_API_KEY is not set");
  const id = /^Stop (\w{26}):/.exec(stopped.stdout)?.[1] ?? "";
  expect((await sluice("stops", "--open")).stdout).toMatch(
    new RegExp(`^${id} +complete +everything +abort_and_cancel .* operator:\\S+ +too dear$`, "m"),
  );
  expect((await sluice("stops", "show", id)).stdout).toContain("Reason    too dear");
  expect(documentOf(await sluice("stops", "show", id, "--json"))).toMatchObject({ id, reason: "too dear" });
  expect((await sluice("lift", id, "--reason", "paid")).stdout).toContain(
    "The stop of everything is lifted.",
  );
  const { rows } = await db.query("SELECT actor, act FROM audit_events ORDER BY id DESC LIMIT 1");
  expect(rows).toEqual([{ actor: expect.stringMatching(/^operator:./), act: "stop.lifted" }]);
  expect((await sluice("stops", "--open")).stdout).not.toContain(id);
});

test("one scope is stopped by its name; a name that nothing has is refused, and so are two scopes", async () => {
  const queue = await sluice("stop", "--queue", "tickets", "--reason", "test", "--json");
  expect(documentOf(queue)).toMatchObject({ scope: "queue", target: "tickets", mode: "abort" });
  const tenant = await sluice("stop", "--tenant", "default", "--reason", "test", "--mode", "drain", "--json");
  expect(documentOf(tenant)).toMatchObject({ scope: "tenant", target: "default", mode: "drain" });
  expect(await sluice("stop", "--queue", "tikets", "--reason", "test")).toMatchObject({
    code: exitCodes.refused,
    stderr: expect.stringContaining("queue_not_found"),
  });
  expect((await sluice("stop", "--all", "--bulk", "b", "--reason", "x")).code).toBe(exitCodes.usage);
  expect((await sluice("stop", "--reason", "x")).code).toBe(exitCodes.usage);
  expect((await sluice("stop", "--all", "--reason", " ")).code).toBe(exitCodes.usage);
});

test("a stop that somebody has not confirmed in time is in force, and the exit code says that it is not complete", async () => {
  await db.query(
    "INSERT INTO processes (id, host, pid, roles, lease_until) VALUES ('p1', 'elsewhere', 7, '{worker}', now() + interval '1 hour')",
  );
  const stopped = await sluice("stop", "--all", "--reason", "test", "--wait-s", "1", "--json");
  expect(stopped.code).toBe(exitCodes.unconfirmed);
  expect(stopped.stderr).toContain("0 of 1 processes confirmed");
  expect(documentOf(stopped)).toMatchObject({
    state: "stopping",
    unconfirmed: 1,
    processes: [{ id: "p1", state: "unconfirmed", host: "elsewhere", pid: 7 }],
  });
});

test("sluice sql runs one statement and prints a table; the switch is one of them", async () => {
  const stopped = await sluice("sql", "SELECT sluice_stop('by hand')");
  expect(stopped).toMatchObject({ code: exitCodes.done, stderr: "" });
  expect(stopped.stdout).toMatch(/^sluice_stop\n[0-9a-z]{26}\n$/);
  const read = await sluice(
    "sql",
    "SELECT mode, reason, lifted_at FROM flags WHERE lifted_at IS NULL",
    "--json",
  );
  expect(documentOf(read)).toEqual({
    columns: ["mode", "reason", "lifted_at"],
    rows: [["abort_and_cancel", "by hand", null]],
    row_count: 1,
  });
  expect((await sluice("sql", "UPDATE flags SET reason = 'x' WHERE false")).stdout).toBe("UPDATE: 0 rows\n");
  expect(await sluice("sql", "SELEKT 1")).toMatchObject({
    code: exitCodes.refused,
    stderr: expect.stringContaining("syntax error"),
  });
});
