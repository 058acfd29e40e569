// PostgreSQL refuses to run as root. Where we are root (a container, a rented machine), it needs another account, and that
// account must be able to reach its data and its programs: neither works under a home like /root, which is closed to
// everybody else. This file finds the account and tells what it can reach.
import { execFile } from "node:child_process";
import { stat } from "node:fs/promises";
import { promisify } from "node:util";
import type { Account } from "../../config/data-dir/spawn-server.ts";
import { ServiceError } from "../../domain/errors.ts";

const run = promisify(execFile);

/** The account that PostgreSQL runs as, and the name to tell people. Undefined: our own, which is not root. */
export type ServerAccount = (Account & { readonly name: string }) | undefined;

/**
 * Chooses the account. Data that exists already decides: PostgreSQL insists on owning it, so a project first used by a
 * normal user and then by root goes on as that user. Otherwise it is `postgres`, which is created where it is missing.
 */
export async function chooseAccount(existingData: string): Promise<ServerAccount> {
  if (process.getuid?.() !== 0) return undefined;
  const [data, postgres] = await Promise.all([
    stat(existingData).catch(() => undefined),
    accountNamed("postgres"),
  ]);
  if (data !== undefined && data.uid !== 0 && data.uid !== postgres?.uid) {
    return { uid: data.uid, gid: data.gid, name: `user ${data.uid}` };
  }
  return postgres ?? createAccount();
}

async function accountNamed(name: string): Promise<ServerAccount> {
  try {
    const [uid, gid] = await Promise.all([run("id", ["-u", name]), run("id", ["-g", name])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout), name };
  } catch {
    return undefined;
  }
}

async function createAccount(): Promise<ServerAccount> {
  try {
    await run("useradd", [
      "--system",
      "--user-group",
      "--no-create-home",
      "--shell",
      "/usr/sbin/nologin",
      "postgres",
    ]);
  } catch (error) {
    // Two processes may have tried at once; the other one's account serves both.
    const made = await accountNamed("postgres");
    if (made !== undefined) return made;
    throw new ServiceError("embedded_failed", {
      detail:
        "PostgreSQL cannot run as root and no account named postgres exists or can be created; run as another user or set DATABASE_URL",
      cause: error,
    });
  }
  return accountNamed("postgres");
}

/**
 * True when the account can walk to `path` and pass the test on it: `-x` (enter a directory, run a program) or `-w`. Asked
 * of the kernel by a process of that account, because modes alone do not tell (access lists, mounts, user namespaces).
 */
export async function canReach(account: ServerAccount, path: string, test: "-x" | "-w"): Promise<boolean> {
  try {
    await run("/bin/sh", ["-c", `test ${test} "$1"`, "sh", path], {
      cwd: "/",
      ...(account && { uid: account.uid, gid: account.gid }),
    });
    return true;
  } catch {
    return false;
  }
}
