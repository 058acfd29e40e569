// `npm run demo` as a program: what it prints, that it adds up, that it leaves nothing behind, and that it never spends money unasked.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { plainEnvironment } from "../../../scripts/demo/children.ts";
import { startSimulator } from "../../../src/simulator/server.ts";
import { waitFor } from "../../support/wait.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-run-"));
  // Where we are root, PostgreSQL is somebody else and has to walk through; mkdtemp lets nobody.
  await chmod(folder, 0o755);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A key that must never be used, and an address that must never be called. */
const realKey = { ANTHROPIC_API_KEY: "sk-ant-real-0123456789012345678901234567" };

interface Demo {
  readonly output: () => string;
  readonly interrupt: () => void;
  readonly code: Promise<number | null>;
}

function demo(args: readonly string[], environment: Readonly<Record<string, string>>): Demo {
  const output = ["--output", join(folder, "results.ndjson")];
  const child = spawn(process.execPath, ["--import", "tsx", "scripts/demo.ts", ...args, ...output], {
    cwd: join(import.meta.dirname, "../../.."),
    // Runs make their directories here, so that what they leave behind is seen.
    env: { ...plainEnvironment(), ...environment, TMPDIR: folder },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let printed = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (printed += text));
  return {
    output: () => printed,
    interrupt: () => void child.kill("SIGINT"),
    code: once(child, "close").then(([code]) => code as number | null),
  };
}

const leftBehind = async (): Promise<string[]> =>
  (await readdir(folder)).filter((name) => name.startsWith("sluice-demo-"));

test("a small run: the board first, results marked, books that add up, nothing left behind, no real key used", async () => {
  const trap = await startSimulator({ profile: "fast" });
  const { code, output } = demo(["--count", "50"], {
    ...realKey,
    SLUICE_PROVIDER_URL: trap.url,
    SLUICE_DATA_DIR: folder,
  });
  expect(await code, output()).toBe(0);
  const lines = output().trimEnd().split("\n");
  expect(lines[0]).toContain("SIMULATED");
  expect(lines[1]).toMatch(/^Bull Board {2}http:\/\/127\.0\.0\.1:\d+\/admin\/queues$/);
  expect(lines[2]).toMatch(/sign in with this key: slk_/);
  const closing = JSON.parse(lines.at(-1) ?? "") as Record<string, number>;
  expect(closing).toMatchObject({ jobs: 50, succeeded: 50, realtime: 5, batch: 45 });
  expect(closing["saved_pct"]).toBeGreaterThanOrEqual(40);
  expect(Object.values(closing).every((value) => typeof value === "number")).toBe(true);
  expect(output()).toContain("The budget binds");
  expect(output()).not.toContain("✗");
  const results = (await readFile(join(folder, "results.ndjson"), "utf8")).trimEnd().split("\n");
  expect(results).toHaveLength(50);
  expect(results.every((line) => line.includes('"provider":"SIMULATED"'))).toBe(true);
  expect(await leftBehind()).toEqual([]);
  // The address a real run would have called saw nobody.
  expect(await trap.totalNano()).toBe(0n);
  expect(trap.world.log.view({ path: null, method: null, since: 0, limit: 10 })["total"]).toBe(0);
  await trap.close();
}, 180_000);

test("a real run without anybody to ask sends nothing; one that was agreed to can be left and taken up", async () => {
  const provider = await startSimulator({ profile: "fast", batchDurationMs: { min: 15_000, max: 15_000 } });
  const environment = {
    ...realKey,
    SLUICE_PROVIDER_URL: provider.url,
    SLUICE_DATA_DIR: join(folder, "data"),
  };
  const unasked = demo(["--real"], environment);
  expect(await unasked.code).toBe(2);
  expect(unasked.output()).toContain("add --yes to agree. Nothing was sent.");

  const first = demo(["--real", "--yes", "--max-usd", "0.10"], environment);
  await waitFor("the message batch", () => provider.world.batches.all().length === 1, {
    timeoutMs: 90_000,
    everyMs: 100,
  });
  first.interrupt();
  expect(await first.code).toBe(130);
  expect(first.output()).toContain("Take it up again with: npm run demo -- --real");

  const second = demo(["--real"], environment);
  expect(await second.code, second.output()).toBe(0);
  expect(second.output()).toContain("it is taken up again");
  const closing: unknown = JSON.parse(second.output().trimEnd().split("\n").at(-1) ?? "");
  expect(closing).toMatchObject({ jobs: 20, succeeded: 20, realtime: 2, batch: 18, invoice_usd: null });
  expect(provider.world.batches.all()).toHaveLength(1);
  await provider.close();
}, 240_000);
