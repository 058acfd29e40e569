// Where the embedded PostgreSQL keeps its data: `<data dir>/postgres`, unless the account it runs as cannot get there. Then
// it is a directory under /var/lib/sluice, named after the project's path, so that it is found again and two projects never
// share one. The choice is told in the banner and written into the connection file.
//
//   <home>/data       the cluster            <home>/password   of its one role; 0600
//   <home>/server.log what the server says
import { createHash } from "node:crypto";
import { chmod, chown, lstat, mkdir, realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ServiceError } from "../../domain/errors.ts";
import { canReach, chooseAccount } from "./account.ts";
import type { ServerAccount } from "./account.ts";

/** Directories that outlive a reboot and that every account can walk into, in order of preference. */
const sharedRoots = ["/var/lib/sluice", "/var/tmp/sluice"] as const;

export interface Home {
  readonly path: string;
  readonly account: ServerAccount;
  /** Why the data is not in the data directory; undefined when it is. */
  readonly elsewhere: string | undefined;
}

/** Places where programs may be copied to when those in node_modules cannot be used. */
export function copyRootsFor(home: Home): readonly string[] {
  return home.account === undefined ? [join(dirname(home.path), "programs")] : sharedRoots;
}

/** Finds or makes the home of this data directory's PostgreSQL, owned by the account it runs as. */
export async function ensureHome(dataDir: string, previous: string | undefined): Promise<Home> {
  const near = join(await realpath(dataDir), "postgres");
  const account = await chooseAccount(join(previous ?? near, "data"));
  // Once it has data, it stays: permissions that changed since must not make the data seem lost.
  const candidates =
    previous !== undefined && (await exists(join(previous, "data"))) ? [previous] : [near, ...farHomes(near)];
  for (const path of candidates) {
    // oxlint-disable-next-line no-await-in-loop -- the next place is touched only where the first will not do
    if (await prepared(path, account)) {
      const elsewhere = path === near ? undefined : `${account?.name ?? "this user"} cannot reach ${near}`;
      return { path, account, elsewhere };
    }
  }
  throw new ServiceError("embedded_failed", {
    detail: `${account?.name ?? "this user"} can write into none of ${candidates.join(", ")}; move the data directory or set DATABASE_URL`,
  });
}

function farHomes(near: string): readonly string[] {
  if (process.getuid?.() !== 0) return [];
  const project = basename(dirname(dirname(near))).replaceAll(/[^\w.-]/g, "_");
  const hash = createHash("sha256").update(near).digest("hex").slice(0, 12);
  return sharedRoots.map((root) => join(root, `${project}-${hash}`));
}

async function prepared(path: string, account: ServerAccount): Promise<boolean> {
  try {
    if (!(await isOurs(dirname(path)))) return false;
    await mkdir(path, { recursive: true, mode: 0o700 });
    await chmod(path, 0o700);
    if (account !== undefined) await chown(path, account.uid, account.gid);
    return await canReach(account, path, "-w");
  } catch {
    return false;
  }
}

/** In a directory that everybody may write to (/var/tmp), a stranger may have prepared ours: only root's own is trusted. */
async function isOurs(parent: string): Promise<boolean> {
  if (process.getuid?.() !== 0 || !(sharedRoots as readonly string[]).includes(parent)) return true;
  // chmod as well: the mode of mkdir is cut by a strict umask, and every account has to walk through.
  if ((await mkdir(parent, { recursive: true })) !== undefined) await chmod(parent, 0o755);
  const info = await lstat(parent);
  return info.isDirectory() && info.uid === 0 && (info.mode & 0o022) === 0;
}

const exists = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined)) !== undefined;
