// The edition of the program that is tortured: a copy of the sources with a few texts replaced, compiled, started like the real one.
//
// Three things are replaced and nothing else: `reach` becomes the armed one, the timers that are nobody's setting become short
// (timers.ts), and, when the referee is to prove itself, one defect is planted (plants.ts). So the program itself carries no
// switch for any of them. A text that is not found exactly once is an error: a plant that misses its place would prove nothing.
//
// An edition is kept under its own hash in the system's directory for temporary files, and made again when a source changes.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { timerPatches } from "./timers.ts";

export interface Patch {
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly find: string;
  readonly replace: string;
}

const root = join(import.meta.dirname, "../..");
const copied = ["bin", "jobs", "src", "package.json", "tsconfig.json", "tsconfig.build.json"];
const assets = "scripts/copy-assets.ts";
const pointsFile = "src/observe/points.ts";
const programs = join(import.meta.dirname, "programs");
/** What only an edition has, and where. */
const added = {
  "armed-points.ts": "src/observe/armed-points.ts",
  "warm-start.ts": "src/processes/warm-start.ts",
} as const;

const prefix = "sluice-edition-";
const dayMs = 86_400_000;

const armed: Patch = {
  file: pointsFile,
  find: `export function reach(_point: Point): void {
  // Nothing: see the top.
}`,
  replace: 'export { reach } from "./armed-points.ts";',
};

/** Makes the edition with these patches, or finds it made; answers its program. */
export function makeEdition(patches: readonly Patch[]): string {
  const all = [armed, ...timerPatches(readSource), ...patches];
  const home = join(tmpdir(), `${prefix}${hashOf(all)}`);
  const program = join(home, "bin/sluice.js");
  if (existsSync(program)) return program;
  clearOld();
  const making = mkdtempSync(join(tmpdir(), prefix));
  for (const path of [...copied, assets]) cpSync(join(root, path), join(making, path), { recursive: true });
  for (const [name, path] of Object.entries(added)) cpSync(join(programs, name), join(making, path));
  for (const [file, text] of patchedTexts(all)) writeFileSync(join(making, file), text);
  symlinkSync(join(root, "node_modules"), join(making, "node_modules"), "dir");
  compile(making);
  // Two may have made it at once; the first is as good.
  if (existsSync(home)) rmSync(making, { recursive: true, force: true });
  else renameSync(making, home);
  return program;
}

/** Editions of sources that have changed since are of no use to anybody after a day. */
function clearOld(): void {
  for (const name of readdirSync(tmpdir())) {
    const path = join(tmpdir(), name);
    if (name.startsWith(prefix) && statSync(path).mtimeMs < Date.now() - dayMs)
      rmSync(path, { recursive: true, force: true });
  }
}

/** The patched files with their new texts. @throws Error for a text that does not stand exactly once */
export function patchedTexts(patches: readonly Patch[]): Map<string, string> {
  const texts = new Map<string, string>();
  for (const { file, find, replace } of patches) {
    const text = texts.get(file) ?? readSource(file);
    const parts = text.split(find);
    if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times: ${find}`);
    texts.set(file, parts.join(replace));
  }
  return texts;
}

function readSource(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

/** Without types: the sources are checked elsewhere, and a plant need not be well typed. */
function compile(home: string): void {
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const steps = [
    [compiler, "-p", "tsconfig.build.json", "--noCheck"],
    ["--import", "tsx", assets],
  ];
  for (const args of steps) {
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: home, encoding: "utf8" });
    if (status !== 0) throw new Error(`the edition does not compile:\n${stdout}${stderr}`);
  }
}

function hashOf(patches: readonly Patch[]): string {
  // With where it was made: an edition uses the packages that lie there, which may be gone though its sources are the same.
  const hash = createHash("sha256").update(root).update(JSON.stringify(patches));
  const files = copied.flatMap((path) =>
    path.includes(".")
      ? [path]
      : readdirSync(join(root, path), { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1)),
  );
  for (const file of files.toSorted()) hash.update(file).update(readSource(file));
  for (const name of Object.keys(added)) hash.update(readFileSync(join(programs, name)));
  return hash.digest("hex").slice(0, 16);
}
