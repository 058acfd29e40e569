// Tests and benchmarks compare both queue backends, so they need a redis-server (or valkey-server) on the PATH. As root on
// Debian it is installed, and said so; SLUICE_TEST_INSTALL=0 forbids that. Elsewhere the line says what to install.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

const isOnPath = (command: string): boolean =>
  spawnSync(command, ["--version"], { stdio: "ignore" }).error === undefined;

/** Makes sure that a Redis server program is there. @throws Error with the line that says what to install */
export function ensureRedisServer(): void {
  if (isOnPath("redis-server") || isOnPath("valkey-server")) return;
  const mayInstall =
    process.env["SLUICE_TEST_INSTALL"] !== "0" && process.getuid?.() === 0 && existsSync("/usr/bin/apt-get");
  if (mayInstall) {
    console.error(
      "No redis-server on the PATH: installing it with apt-get (SLUICE_TEST_INSTALL=0 forbids this) …",
    );
    installOnDebian();
    if (isOnPath("redis-server")) return;
  }
  throw new Error(
    "No redis-server or valkey-server on the PATH. Install one: apt-get install redis-server, or brew install redis.",
  );
}

function installOnDebian(): void {
  const options = {
    stdio: ["ignore", 2, 2] as const,
    // The package starts a server of its own by default; only the program is wanted.
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" },
  };
  spawnSync("apt-get", ["update", "-qq"], { ...options, stdio: [...options.stdio] });
  spawnSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "redis-server"], {
    ...options,
    stdio: [...options.stdio],
  });
}
