// Only root has to lend PostgreSQL another account, which then cannot enter every directory. Left out where the tests run as
// somebody else (vitest.config.ts).
import { execFile } from "node:child_process";
import { rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { silentLog as log } from "../../src/observe/log.ts";
import { findPackage, usableBinaries } from "../../src/postgres/embedded/binaries.ts";
import { openPostgres } from "../../src/postgres/embedded/open-postgres.ts";
import { ask, newProject } from "./support.ts";

test("its data goes where it can get, which the banner says, and the next start finds it there", async () => {
  const project = await newProject(0o700);
  const first = await openPostgres({ dataDir: project.dataDir, log });
  expect(first.describe).toMatch(
    /data in \/var\/(lib|tmp)\/sluice\/.*, because postgres cannot reach .*\.sluice\/postgres/,
  );
  await ask(first.url, "CREATE TABLE kept AS SELECT 42 AS answer");
  await first.close();
  await rm(join(project.dataDir, "connection"));
  const second = await openPostgres({ dataDir: project.dataDir, log });
  expect(await ask(second.url, "SELECT answer FROM kept")).toEqual({ answer: 42 });
  await second.close();
  await project.remove();
});

test("programs it cannot get at are copied once, with the links that npm left out", async () => {
  const closed = await newProject(0o700);
  const open = await newProject();
  const account = { uid: 65_534, gid: 65_534, name: "nobody" };
  const found = await findPackage();
  await symlink(found.root, join(closed.root, "package"));
  const hidden = { root: join(closed.root, "package"), version: found.version };
  const [one, two] = await Promise.all([
    usableBinaries(hidden, account, [open.root]),
    usableBinaries(hidden, account, [open.root]),
  ]);
  expect(one).toEqual(two);
  expect(one.postgres).toContain(open.root);
  const { stdout } = await promisify(execFile)(one.initdb, ["--version"], {
    uid: account.uid,
    gid: account.gid,
    cwd: "/",
  });
  expect(stdout).toContain(`initdb (PostgreSQL) ${found.version.split(".")[0]}`);
  await expect(usableBinaries(hidden, account, [closed.root])).rejects.toMatchObject({
    code: "embedded_failed",
  });
  await Promise.all([closed.remove(), open.remove()]);
});
