// docs/simulator.md is held to the code: its commands run, and it names every action, kind, option and limit there is.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { errorKinds } from "../../src/simulator/fault-errors.ts";
import { actions } from "../../src/simulator/faults.ts";
import { simulate } from "./support.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/simulator.md"), "utf8");
const blocks = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map((match) => match[1] ?? "");

test("every curl command of the page works", async () => {
  const simulator = await simulate();
  const commands = blocks.filter((block) => block.includes("curl"));
  expect(commands.length).toBeGreaterThan(5);
  for (const block of commands) {
    const script = `set -e\n${block.replaceAll("http://127.0.0.1:4010", simulator.url)}`;
    // oxlint-disable-next-line no-await-in-loop -- in the order of the page
    const { stdout } = await promisify(execFile)("bash", ["-c", script]);
    expect(stdout).toMatch(/^\{/);
  }
});

test("the page names every action, kind of error, behaviour and limit", async () => {
  const { behaviour, limits } = (await simulate()).world;
  const names = [
    ...actions,
    ...errorKinds,
    ...Object.keys(behaviour),
    ...Object.keys(behaviour.shares),
    ...Object.keys(limits.settings),
  ];
  expect(names.filter((name) => !page.includes(`\`${name}`))).toEqual([]);
});
