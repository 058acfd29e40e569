// Commands that texts name are typed the way the program was started itself: nobody has `sluice` on the path of a clone.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run } from "./cli.ts";

const here = { SLUICE_URL: "http://127.0.0.1:9", SLUICE_KEY: "slk_x" };
const throughNpm = { ...here, npm_lifecycle_event: "sluice" };

test("hints, usage errors and help name the program as npm was told to run it", async () => {
  const away = await run(["queue", "list"], { environment: throughNpm });
  expect(away.stderr).toContain("Start the service with npm run --silent sluice -- start, or say");
  const wrong = await run(["budget", "create", "queue", "q"], { environment: throughNpm });
  expect(wrong.stderr).toContain("Such as: npm run --silent sluice -- budget create queue tickets");
  const help = await run(["lift", "--help"], { environment: throughNpm });
  expect(help.stdout).toContain("Usage: npm run --silent sluice -- lift");
});

test("started by itself, or by another script of npm, it is sluice", async () => {
  const environments = [here, { ...here, npm_lifecycle_event: "demo" }];
  const ran = await Promise.all(environments.map((environment) => run(["queue", "list"], { environment })));
  for (const { stderr } of ran) expect(stderr).toContain("Start the service with sluice start, or say");
});

test("no text of the command line writes the name of the program out", () => {
  const folder = join(import.meta.dirname, "../../src/cli");
  const bare = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .flatMap((name) => readFileSync(join(folder, name), "utf8").split("\n"))
    .filter((line) => !/^\s*(\/\/|\/?\*)/.test(line) && /["`( ]sluice [a-z]/.test(line))
    // The owner of the drill's queue is a name, not something to type.
    .filter((line) => !line.includes('owner: "sluice drill"'));
  expect(bare).toEqual([]);
});
