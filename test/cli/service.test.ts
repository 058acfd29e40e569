// The commands that talk to the service, against a whole one: real stores, the real SDK, the simulator.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exitCodes } from "../../src/cli/exit-codes.ts";
import { sampleTickets } from "../../samples/tickets.ts";
import { intents } from "../../samples/phrases.ts";
import { openInstallation, type Installation } from "../support/installation.ts";
import { documentOf, run } from "./cli.ts";

let installation: Installation;
let environment: Record<string, string> = {};
let folder = "";
beforeAll(async () => {
  installation = await openInstallation({ simulator: { batchDurationMs: { min: 200, max: 600 } } });
  const service = await installation.start();
  folder = await mkdtemp(join(tmpdir(), "sluice-cli-"));
  environment = { SLUICE_URL: service.url ?? "", SLUICE_DATA_DIR: installation.config.dataDir };
});
afterAll(async () => {
  await installation.close();
  await rm(folder, { recursive: true, force: true });
});

const ok = async (...argv: readonly string[]): Promise<unknown> => {
  const ran = await run([...argv, "--json"], { environment });
  expect(ran).toMatchObject({ code: 0 });
  return documentOf(ran);
};

const upload = (count: number): string =>
  [
    { shared: { labels: intents } },
    ...sampleTickets(count).map(({ id, text }, at) => ({
      key: id,
      input: { text },
      urgency: at % 4 === 0 ? "now" : "whenever",
    })),
  ]
    .map((line) => `${JSON.stringify(line)}\n`)
    .join("");

test("from an empty queue to a file of results, through both lanes", async () => {
  await ok("queue", "set", "tickets", "--owner", "support", "--type", "classify-intent");
  const budget = await run(["budget", "set", "tickets", "--limit-usd", "5", "--window", "total"], {
    environment,
  });
  expect(budget.stdout).toContain("Budget $5.00 per total: spent $0.00, held $0.00, free $5.00.");

  const file = join(folder, "tickets.ndjson");
  await writeFile(file, upload(40));
  const submitted = await run(["submit", file, "--queue", "tickets"], { environment });
  expect(submitted).toMatchObject({ code: 0, stderr: "" });
  const id = /^Bulk (\w{26}): 40 jobs accepted\.$/m.exec(submitted.stdout)?.[1] ?? "";

  const watched = await run(["watch", id], { environment });
  expect(watched).toMatchObject({ code: 0, stderr: "" });
  expect(watched.stdout).toContain("40/40 (100%)");
  expect(watched.stdout).toContain("Finished: succeeded 40.");
  expect(watched.stdout).toContain(`Next: sluice results ${id}`);

  const out = join(folder, "results.ndjson");
  expect(await ok("results", id, "-o", out)).toEqual({ bulk: id, file: out, results: 40 });
  const rows = (await readFile(out, "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { key: string });
  expect(rows.map(({ key }) => key)).toEqual(sampleTickets(40).map(({ id: key }) => key));

  const printed = await run(["results", id, "--outcome", "succeeded"], { environment });
  expect(printed).toMatchObject({ code: 0, stderr: "", stdout: await readFile(out, "utf8") });

  const { counts, cost_usd } = (await ok("watch", id)) as { counts: unknown; cost_usd: string };
  expect(counts).toEqual({
    state: { succeeded: 40 },
    outcome: { succeeded: 40 },
    lane: { realtime: 10, batch: 30 },
  });
  const listed = await run(["queue", "list"], { environment });
  expect(listed.stdout).toMatch(
    new RegExp(
      `^tickets +support +classify-intent +0 +\\$5\\.00/total +\\$${cost_usd} +\\$0\\.00 +open$`,
      "m",
    ),
  );
}, 60_000);

test("standard input, gzip and --watch; the exit code says that not every job succeeded", async () => {
  const line = `${JSON.stringify({ input: { text: "where is my parcel?", labels: ["delivery", "refund"] } })}\n`;
  const piped = await run(["submit", "-", "--type", "classify-intent", "--urgency", "now", "--watch"], {
    environment,
    stdin: line,
  });
  expect(piped).toMatchObject({ code: 0, stdout: expect.stringContaining("Finished: succeeded 1.") });

  const packed = join(folder, "packed.ndjson.gz");
  await writeFile(packed, gzipSync(line));
  expect(await ok("submit", packed, "--type", "classify-intent")).toMatchObject({ accepted: 1, invalid: 0 });

  installation.simulator.addFault({ action: "refusal", match: { lane: "realtime" } });
  const refused = await run(["submit", "-", "--type", "classify-intent", "--urgency", "now", "--watch"], {
    environment,
    stdin: line,
  });
  expect(refused).toMatchObject({
    code: exitCodes.unsuccessful,
    stdout: expect.stringContaining("refused 1"),
  });
}, 60_000);

test("a refused upload names line, field and reason; a skipping one says what it left out", async () => {
  const good = { input: { text: "hello", labels: ["a", "b"] } };
  const lines = [good, { input: { text: 7, labels: ["a", "b"] } }]
    .map((line) => `${JSON.stringify(line)}\n`)
    .join("");
  const refused = await run(["submit", "-", "--type", "classify-intent"], { environment, stdin: lines });
  expect(refused).toMatchObject({ code: exitCodes.refused, stdout: "" });
  expect(refused.stderr).toMatch(/^ {2}line 2: input\.text .+$/m);
  expect(refused.stderr).toContain("--on-invalid skip");

  const skipped = await run(["submit", "-", "--type", "classify-intent", "--on-invalid", "skip"], {
    environment,
    stdin: lines,
  });
  expect(skipped.code).toBe(0);
  expect(skipped.stdout).toMatch(
    /1 jobs accepted\.\n1 invalid lines were left out:\n {2}line 2: input\.text/,
  );
});

test("a quote says what a file would cost, and the bulk that names it has that as its ceiling", async () => {
  const file = join(folder, "quoted.ndjson");
  await writeFile(file, upload(10));
  const quoted = await run(["quote", file, "--type", "classify-intent"], { environment });
  expect(quoted.stdout).toMatch(
    /^10 jobs, 0 invalid lines\. At worst \$0\.\d+ \(one attempt of every line\), expected \$0\.\d+ /m,
  );
  const id = /--quote-id (\w{26})/.exec(quoted.stdout)?.[1] ?? "";
  const submitted = await run(["submit", file, "--type", "classify-intent", "--quote-id", id], {
    environment,
  });
  expect(submitted).toMatchObject({ code: 0, stdout: expect.stringContaining("10 jobs accepted") });
  const again = await run(["submit", file, "--type", "classify-intent", "--quote-id", id], { environment });
  expect(again).toMatchObject({ code: exitCodes.refused, stderr: expect.stringContaining("has been used") });
  const approved = await run(["approve", /^Bulk (\w{26})/m.exec(submitted.stdout)?.[1] ?? ""], {
    environment,
  });
  expect(approved).toMatchObject({
    code: exitCodes.refused,
    stderr: expect.stringContaining("does not wait"),
  });
});

test("the same Idempotency-Key is the same bulk", async () => {
  const line = `${JSON.stringify({ input: { text: "once", labels: ["a", "b"] } })}\n`;
  const submit = async (): Promise<unknown> => {
    const argv = ["submit", "-", "--type", "classify-intent", "--idempotency-key", "afternoon", "--json"];
    return documentOf(await run(argv, { environment, stdin: line }));
  };
  expect(await submit()).toEqual(await submit());
});

test("ceilings: made for any scope, raised with a reason, shown with what is held, ended", async () => {
  await ok("queue", "set", "capped", "--owner", "support");
  const create = ["budget", "create", "queue", "capped", "--limit-usd", "2", "--window", "day"];
  const made = (await ok(...create, "--time-zone", "Europe/Warsaw", "--when-bound", "reject")) as {
    id: string;
  };
  const { id } = made;
  expect(made).toMatchObject({ scope: "queue", target: "capped", limit_usd: "2.00", when_bound: "reject" });
  const listed = await run(["budget", "list", "--scope", "queue", "--target", "capped"], { environment });
  expect(listed.stdout).toMatch(new RegExp(`${id} .*queue capped.*\\$2.00/day.*reject`));
  const bare = await run(["budget", "set", id, "--limit-usd", "3"], { environment });
  expect(bare).toMatchObject({ code: exitCodes.refused });
  expect(bare.stderr).toContain("\n  --reason is required to raise, replace or end a budget\n");
  const raised = await run(["budget", "set", id, "--limit-usd", "3", "--reason", "May"], { environment });
  expect(raised.stdout).toContain("$3.00 per day, until ");
  const shown = await run(["budget", "show", id], { environment });
  expect(shown.stdout).toContain(`Budget ${id} of queue capped, managed by default`);
  expect(await ok("budget", "holds", id)).toEqual({ holds: [] });
  const window = await run(["budget", "set", id, "--limit-usd", "3", "--window", "month"], { environment });
  expect(window).toMatchObject({ code: exitCodes.usage });
  expect(await ok("budget", "end", id, "--reason", "over")).toEqual({ id, ended: true });
  expect(await ok("budget", "list", "--target", "capped")).toEqual({ budgets: [] });
  expect(await ok("budget", "list", "--target", "capped", "--ended")).toMatchObject({ budgets: [{ id }] });
});

test("a pause is seen by everybody and lifted; pausing all needs and uses the installation's key", async () => {
  await ok("queue", "set", "paused", "--type", "classify-intent");
  expect(await ok("pause", "paused", "--reason", "wrong labels")).toMatchObject({ paused: true });
  const listed = await run(["queue", "list"], { environment });
  expect(listed.stdout).toMatch(/^paused .*pause by person:operator: wrong labels$/m);
  await ok("resume", "paused");
  await ok("pause", "--all", "--reason", "lunch");
  expect((await run(["queue", "list"], { environment })).stdout).toMatch(/pause by person:operator: lunch/);
  await ok("resume", "--all");
  expect((await run(["queue", "list"], { environment })).stdout).not.toContain("pause by");
});

test("a tenant's key sees its own queues only, an installation key may act for it", async () => {
  const database = { ...environment, DATABASE_URL: installation.databaseUrl };
  await run(["tenant", "create", "acme"], { environment: database });
  const argv = [
    "key",
    "create",
    "--tenant",
    "acme",
    "--holder-kind",
    "service",
    "--holder",
    "app",
    "--scopes",
    "operate",
  ];
  const { secret } = documentOf(await run([...argv, "--json"], { environment: database })) as {
    secret: string;
  };
  const acme = { ...environment, SLUICE_KEY: secret };
  expect(await run(["queue", "set", "theirs"], { environment: acme })).toMatchObject({ code: 0 });
  expect((await run(["queue", "list"], { environment: acme })).stdout).not.toContain("tickets");
  expect((await run(["queue", "list"], { environment })).stdout).not.toContain("theirs");
  expect((await run(["queue", "list", "--tenant", "acme"], { environment })).stdout).toContain("theirs");
  const denied = await run(["budget", "set", "theirs", "--limit-usd", "1", "--window", "day"], {
    environment: acme,
  });
  expect(denied).toMatchObject({ code: exitCodes.refused, stderr: expect.stringContaining("admin") });
  const all = ["budget", "create", "global", "--limit-usd", "9", "--window", "month"];
  const mine = await run(all, { environment });
  expect(mine.stderr).toContain("A global budget needs a key of the installation.\nSay --installation: ");
});

test("another tenant's bulk does not exist, and a failed download leaves no file", async () => {
  const file = join(folder, "nothing.ndjson");
  const ran = await run(["results", "01jd3v2f00000000000000000a", "-o", file], { environment });
  expect(ran).toMatchObject({ code: exitCodes.refused, stderr: expect.stringContaining("not_found") });
  await expect(readFile(file)).rejects.toThrow("ENOENT");
});

test("the one-use programs in scripts/ do the same", async () => {
  expect(await script("set-budget.ts", "default", "3.50", "day")).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("Budget $3.50 per day"),
  });
  const file = join(folder, "one.ndjson");
  await writeFile(file, `${JSON.stringify({ input: { text: "one", labels: ["a", "b"] } })}\n`);
  const { stdout } = await script(
    "enqueue.ts",
    file,
    "--type",
    "classify-intent",
    "--urgency",
    "now",
    "--json",
  );
  const { id } = JSON.parse(stdout) as { id: string };
  expect(await script("watch.ts", id)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("succeeded 1"),
  });
  expect(await script("pause-all.ts", "a test")).toMatchObject({ code: 0 });
  expect((await run(["queue", "list"], { environment })).stdout).toContain("a test");
  expect(await script("resume-all.ts")).toMatchObject({ code: 0 });
}, 60_000);

async function script(name: string, ...args: readonly string[]): Promise<{ code: unknown; stdout: string }> {
  const root = join(import.meta.dirname, "../..");
  const child = spawn(process.execPath, ["--import", "tsx", `scripts/${name}`, ...args], {
    cwd: root,
    // oxlint-disable-next-line node/no-process-env -- a child needs the PATH and its like
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout };
}
