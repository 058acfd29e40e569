// `npm test`: the whole suite, with a Redis server made sure of. Arguments go to vitest (`npm test -- test/unit`).
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ensureRedisServer } from "./redis-server.ts";

ensureRedisServer();
const vitest = join(import.meta.dirname, "../node_modules/vitest/vitest.mjs");
const { status } = spawnSync(process.execPath, [vitest, "run", ...process.argv.slice(2)], {
  stdio: "inherit",
});
process.exitCode = status ?? 1;
