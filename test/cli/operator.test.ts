// Commands of the machine's operator, on a real database: no service runs, no key is needed.
import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exitCodes } from "../../src/cli/exit-codes.ts";
import { documentOf, run } from "./cli.ts";
import { openOperatorHome, type OperatorHome } from "./operator-home.ts";

let home: OperatorHome;
let db: pg.Client;
let environment: Record<string, string> = {};
beforeAll(async () => {
  home = await openOperatorHome();
  ({ db, environment } = home);
});
afterAll(async () => {
  await home.close();
});

test("a tenant is created, listed, and cannot be created twice", async () => {
  const made = await run(["tenant", "create", "acme"], { environment });
  expect(made).toMatchObject({ code: 0, stderr: "" });
  expect(made.stdout).toContain("sluice key create --tenant acme");
  const listed = await run(["tenant", "list"], { environment });
  expect(listed.stdout).toMatch(/^acme +[0-9a-z]{26} +\d{4}-/m);
  expect(listed.stdout).toMatch(/^installation +installation /m);
  const again = await run(["tenant", "create", "acme"], { environment });
  expect(again).toMatchObject({ code: exitCodes.refused, stdout: "" });
  expect(again.stderr).toContain("conflict");
});

test("a tenant is paused and resumed by whoever works on the machine, also after the breaker", async () => {
  await run(["tenant", "create", "paused"], { environment });
  const paused = await run(["tenant", "pause", "paused", "--reason", "late bill"], { environment });
  expect(paused).toMatchObject({ code: 0, stderr: "" });
  const flags = async () =>
    (
      await db.query(
        "SELECT f.set_by, f.reason FROM flags f JOIN tenants t ON t.id = f.target WHERE t.name = 'paused' AND f.lifted_at IS NULL",
      )
    ).rows;
  expect(await flags()).toEqual([{ set_by: expect.stringMatching(/^operator:/), reason: "late bill" }]);
  await db.query("UPDATE flags SET set_by = 'breaker' WHERE scope = 'tenant'");
  expect(await run(["tenant", "resume", "paused"], { environment })).toMatchObject({ code: 0 });
  expect(await flags()).toEqual([]);
  expect((await run(["tenant", "resume", "nobody"], { environment })).code).toBe(exitCodes.refused);
});

test("a key is created with its secret shown once, listed by its last characters, and revoked", async () => {
  await run(["tenant", "create", "keys"], { environment });
  const argv = ["key", "create", "--tenant", "keys", "--holder-kind", "service", "--holder", "importer"];
  const made = documentOf(await run([...argv, "--scopes", "submit,read", "--json"], { environment }));
  const { id, secret } = made as { id: string; secret: string };
  expect(secret).toMatch(/^slk_[\w-]{43}$/);
  const stored = await db.query("SELECT * FROM api_keys WHERE id = $1", [id]);
  expect(JSON.stringify(stored.rows)).not.toContain(secret.slice(4));

  const listed = await run(["key", "list", "--tenant", "keys"], { environment });
  expect(listed.stdout).toContain(`${id}  keys    service:importer  submit,read  …${secret.slice(-4)}`);
  expect(listed.stdout).not.toContain(secret);

  expect(await run(["key", "revoke", id], { environment })).toMatchObject({ code: 0 });
  const after = documentOf(await run(["key", "list", "--tenant", "keys", "--json"], { environment }));
  expect(after).toMatchObject({ keys: [{ id, revoked_by: expect.stringMatching(/^operator:/) }] });
});

test("a key of the installation belongs to nobody else", async () => {
  const argv = [
    "key",
    "create",
    "--installation",
    "--holder-kind",
    "person",
    "--holder",
    "Ada",
    "--scopes",
    "admin",
  ];
  const made = documentOf(await run([...argv, "--json"], { environment }));
  const { rows } = await db.query("SELECT tenant_id FROM api_keys WHERE id = $1", [
    (made as { id: string }).id,
  ]);
  expect(rows).toEqual([{ tenant_id: "installation" }]);
});

test("every act is in the audit trail under the operator's name", async () => {
  await run(["tenant", "create", "audited"], { environment });
  const { rows } = await db.query<{ actor: string; act: string }>(
    "SELECT actor, act FROM audit_events ORDER BY id DESC LIMIT 1",
  );
  expect(rows).toEqual([{ actor: expect.stringMatching(/^operator:./), act: "tenant.created" }]);
});

test("what is not there is named", async () => {
  const revoked = await run(["key", "revoke", "01jd3v2f00000000000000000a"], { environment });
  expect(revoked).toMatchObject({ code: exitCodes.refused, stderr: expect.stringContaining("not_found") });
  const argv = [
    "key",
    "create",
    "--tenant",
    "nobody",
    "--holder-kind",
    "person",
    "--holder",
    "A",
    "--scopes",
    "read",
  ];
  expect((await run(argv, { environment })).stderr).toContain("There is no such tenant.");
});

test("an empty database is migrated once, and before that every other command says so", async () => {
  const name = `empty_${home.database.url.split("_").at(-1)}`;
  await db.query(`CREATE DATABASE ${name}`);
  const url = new URL(home.database.url);
  url.pathname = name;
  const empty = { ...environment, DATABASE_URL: url.href };
  const before = await run(["tenant", "list"], { environment: empty });
  expect(before).toMatchObject({
    code: exitCodes.refused,
    stderr: expect.stringContaining("sluice migrate"),
  });
  const first = await run(["migrate", "--json"], { environment: empty });
  expect(documentOf(first)).toMatchObject({ applied: expect.arrayContaining(["0001_foundation.sql"]) });
  const second = await run(["migrate"], { environment: empty });
  expect(second.stdout).toContain("Nothing to do");
  await db.query(`DROP DATABASE ${name} WITH (FORCE)`);
});

test("a database that does not answer is not there: exit code 3", async () => {
  const away = { ...environment, DATABASE_URL: "postgres://nobody@127.0.0.1:9/none" };
  const ran = await run(["tenant", "list"], { environment: away });
  expect(ran).toMatchObject({ code: exitCodes.unreachable, stdout: "" });
  expect(ran.stderr).toContain("database_unavailable");
});
