// What the command line accepts, what it says when it does not, and how it ends.
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import type { Command } from "commander";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Context } from "../../src/cli/context.ts";
import { exitCodes } from "../../src/cli/exit-codes.ts";
import { createProgram } from "../../src/cli/program.ts";
import { run } from "./cli.ts";

let dataDir = "";
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "sluice-cli-"));
});
afterAll(() => rm(dataDir, { recursive: true, force: true }));

const page = readFileSync(join(import.meta.dirname, "../../docs/cli.md"), "utf8");
const screen = new Writable({ write: (_text, _encoding, done) => done() });
const program = createProgram(
  new Context({
    environment: {},
    stdin: process.stdin,
    stdout: screen,
    stderr: screen,
    start: () => Promise.resolve(0),
  }),
  { version: "1.2.3" },
);
const leavesOf = (command: Command, path: string[] = []): [string, Command][] =>
  command.commands.length === 0
    ? [[path.join(" "), command]]
    : command.commands.flatMap((sub) => leavesOf(sub, [...path, sub.name()]));
const leaves = leavesOf(program);

test.each(leaves)("%s is described, is in docs/cli.md and prints JSON on request", (name, command) => {
  expect(command.description()).not.toBe("");
  expect(page).toContain(`\`sluice ${name}`);
  if (name !== "start") expect(command.options.map(({ long }) => long)).toContain("--json");
});

test("docs/cli.md names every option that help shows of every command, and every exit code", () => {
  const options = leaves.flatMap(([, command]) =>
    command.options.filter(({ hidden }) => !hidden).map(({ long }) => long ?? ""),
  );
  expect(options.filter((option) => !page.includes(`\`${option}`))).toEqual([]);
  for (const code of Object.values(exitCodes)) expect(page).toMatch(new RegExp(`^\\| ${code} \\|`, "m"));
});

test("help ends with 0, a command that does not exist with 2 and the nearest one", async () => {
  expect(await run(["--help"])).toMatchObject({ code: 0, stdout: expect.stringContaining("Usage: sluice") });
  expect(await run(["--version"])).toMatchObject({ code: 0, stdout: "1.2.3\n" });
  const wrong = await run(["submitt"]);
  expect(wrong).toMatchObject({ code: exitCodes.usage, stdout: "" });
  expect(wrong.stderr).toContain("Did you mean submit?");
});

test.each([
  { argv: ["budget", "set", "q", "--limit-usd", "ten", "--window", "day"], says: "such as 12.50" },
  { argv: ["budget", "set", "q", "--limit-usd", "10", "--window", "week"], says: "day, month, total" },
  {
    argv: ["budget", "set", "q", "--limit-usd", "10"],
    says: "needs --window day|month|total.\nSuch as: sluice budget set tickets --limit-usd 5 --window day",
  },
  { argv: ["budget", "set", "q"], says: "needs --limit-usd DOLLARS and --window day|month|total." },
  {
    argv: ["budget", "create", "queue", "q", "--limit-usd", "5"],
    says: "'--window <day|month|total>' not specified\nSuch as: sluice budget create queue tickets",
  },
  {
    argv: ["key", "create", "--holder-kind", "person", "--holder", "A", "--scopes", "all"],
    says: "comma list",
  },
  {
    argv: ["key", "create", "--holder-kind", "person", "--holder", "A", "--scopes", "read"],
    says: "--tenant NAME",
  },
  { argv: ["tenant", "create", "No Spaces"], says: "cannot be the name" },
  { argv: ["pause", "--reason", "x"], says: "--all" },
  { argv: ["pause", "q", "--all", "--reason", "x"], says: "--all" },
  { argv: ["submit", "no-such-file.ndjson"], says: "not a file" },
])("$argv is refused before anything is tried", async ({ argv, says }) => {
  const environment = { SLUICE_KEY: "slk_x", SLUICE_URL: "http://127.0.0.1:9", SLUICE_DATA_DIR: dataDir };
  const ran = await run(argv, { environment });
  expect(ran).toMatchObject({ code: exitCodes.usage, stdout: "" });
  expect(ran.stderr).toContain(says);
});

test("without a service the message says how to start one", async () => {
  const environment = { SLUICE_KEY: "slk_x", SLUICE_URL: "http://127.0.0.1:9" };
  const ran = await run(["queue", "list"], { environment });
  expect(ran.code).toBe(exitCodes.unreachable);
  expect(ran.stderr).toContain("sluice start");
  expect(ran.stderr).not.toContain("slk_x");
});

test("without a key the message says how to make one, also where the keys file is damaged", async () => {
  const environment = { SLUICE_URL: "http://127.0.0.1:9", SLUICE_DATA_DIR: dataDir };
  const missing = await run(["queue", "list"], { environment });
  expect(missing).toMatchObject({ code: exitCodes.usage });
  expect(missing.stderr).toContain("sluice key create");
  await writeFile(join(dataDir, "keys.json"), "{");
  expect((await run(["queue", "list"], { environment })).stderr).toContain("is damaged");
  await rm(join(dataDir, "keys.json"));
});

test("a mistyped setting stops every command, with the setting that was meant", async () => {
  const ran = await run(["check-config"], { environment: { SLUICE_CONCURENCY: "5" } });
  expect(ran.code).toBe(exitCodes.usage);
  expect(ran.stderr).toContain("did you mean SLUICE_CONCURRENCY?");
});

test("check-config shows what is in force and masks secrets", async () => {
  const environment = { ANTHROPIC_API_KEY: "sk-ant-0123456789012345678901234567", SLUICE_CONCURRENCY: "7" };
  const ran = await run(["check-config"], { environment });
  expect(ran.code).toBe(0);
  expect(ran.stdout).toMatch(/^SLUICE_CONCURRENCY +7 +environment$/m);
  expect(ran.stdout).toMatch(/^SLUICE_PORT +3000 +default$/m);
  expect(ran.stdout).not.toContain("0123456789");
});

test("start gets the environment with its options laid over, and its exit code is the command's", async () => {
  const ran = await run(["start", "--roles", "api,worker", "--port", "0"], {
    environment: { SLUICE_CONCURRENCY: "7", SLUICE_PORT: "4000" },
    start: (config) => {
      expect(config).toMatchObject({ roles: ["api", "worker"], port: 0, concurrency: 7 });
      return Promise.resolve(9);
    },
  });
  expect(ran.code).toBe(9);
});
