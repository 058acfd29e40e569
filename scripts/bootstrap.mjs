// Runs a program of this repository, on a fresh clone too: where the packages are missing or older than the lock file they are
// installed first. Depends on nothing but Node itself. Usage: node scripts/bootstrap.mjs <file> [arguments]
import { spawn, spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

const root = join(import.meta.dirname, "..");
const [file, ...args] = process.argv.slice(2);
if (file === undefined) throw new Error("usage: node scripts/bootstrap.mjs <file> [arguments]");

const changedMs = (path) => statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;

// npm writes this file last, so it is there only after a complete installation.
const installedMs = changedMs("node_modules/.package-lock.json");
if (installedMs === 0) {
  console.error("Installing packages (npm ci --ignore-scripts) …");
  const npm = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: root,
    // Standard output belongs to the program: its last line may be read by a machine.
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  if (npm.status !== 0) process.exit(npm.status ?? 1);
} else if (changedMs("package-lock.json") > installedMs) {
  console.error(
    "package-lock.json is newer than node_modules: run npm ci --ignore-scripts if something is missing.",
  );
}

const loader = file.endsWith(".ts") ? ["--import", "tsx"] : [];
const child = spawn(process.execPath, [...loader, join(root, file), ...args], { stdio: "inherit" });
// A terminal's Ctrl-C reaches the child by itself; other signals are passed on, and the child decides when this ends.
process.on("SIGINT", () => undefined);
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => {
  if (signal === null) process.exit(code ?? 1);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
