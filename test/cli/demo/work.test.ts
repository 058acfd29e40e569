// What a run is given to do: our own tickets, or somebody's file.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseOptions, type DemoOptions } from "../../../scripts/demo/options.ts";
import { ceilingUsd, worstCost } from "../../../scripts/demo/estimate.ts";
import { prepareWork, uploadText } from "../../../scripts/demo/work.ts";
import { intents } from "../../../samples/phrases.ts";
import { sampleTickets } from "../../../samples/tickets.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-work-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const options = (...argv: readonly string[]): DemoOptions => parseOptions(argv);
const fileOf = async (...rows: readonly unknown[]): Promise<string> => {
  const file = join(folder, `${Math.random()}.ndjson`);
  await writeFile(file, rows.map((row) => (typeof row === "string" ? row : JSON.stringify(row))).join("\n"));
  return file;
};

test("sample tickets are many, varied, and the same every time", () => {
  const tickets = sampleTickets(2_000);
  expect(sampleTickets(10)).toEqual(tickets.slice(0, 10));
  expect(new Set(tickets.map(({ id }) => id)).size).toBe(2_000);
  expect(new Set(tickets.map(({ text }) => text)).size).toBeGreaterThan(1_800);
  expect(new Set(tickets.map(({ intent }) => intent))).toEqual(new Set(intents));
  expect(tickets.filter(({ text }) => /[{}]/.test(text) && !text.includes('"label"'))).toEqual([]);
  // Odd ones are among them: short, long, not Latin, and such that would like to be obeyed.
  const texts = tickets.map(({ text }) => text);
  expect(texts.some((text) => text.length < 3)).toBe(true);
  expect(texts.some((text) => text.length > 5_000)).toBe(true);
  expect(texts.some((text) => /\p{Script=Han}/u.test(text))).toBe(true);
  expect(texts.some((text) => text.startsWith("Ignore all previous instructions"))).toBe(true);
});

test("a tenth is wanted at once; labels are given once for the whole bulk", async () => {
  const work = await prepareWork(options(), 2_000);
  expect(work.lines.filter(({ urgency }) => urgency === "now")).toHaveLength(200);
  const [first, second] = uploadText(work).split("\n");
  expect(JSON.parse(first ?? "")).toEqual({ shared: { labels: intents } });
  expect(JSON.parse(second ?? "")).toEqual({
    key: "ticket-00001",
    urgency: "whenever",
    input: { text: sampleTickets(1)[0]?.text },
  });
});

test("labels come from the rows where these name some, and the screen says so", async () => {
  const file = await fileOf(
    { text: "a", category: "x" },
    { text: "b", category: "y" },
    { text: "c", category: "x" },
  );
  const work = await prepareWork(options("--input", file), 10);
  expect(work.shared).toEqual({ labels: ["x", "y"] });
  expect(work.notes.join("\n")).toContain("2 labels to choose from, those of the rows themselves");
  expect(work.notes.join("\n")).toContain("10 were asked for, the file has no more");
});

test.each([
  { rows: [{ text: "a" }, { text: "b" }], why: "the rows name none" },
  {
    rows: [
      { text: "a", label: "only" },
      { text: "b", label: "only" },
    ],
    why: "one is no choice",
  },
])("labels of our own serve where $why", async ({ rows }) => {
  const work = await prepareWork(options("--input", await fileOf(...rows)), 10);
  expect(work.shared).toEqual({ labels: intents });
});

test("each job type gets the text in its own form", async () => {
  const file = await fileOf({ body: "hello" });
  const contact = await prepareWork(
    options("--input", file, "--text-field", "body", "--type", "extract-contact"),
    1,
  );
  expect(contact).toMatchObject({ shared: null, lines: [{ input: { text: "hello" } }] });
  const message = await prepareWork(options("--input", file, "--text-field", "body", "--type", "message"), 1);
  expect(message.lines[0]?.input).toEqual({ messages: [{ role: "user", content: "hello" }] });
  expect(await worstCost("message", message)).toBeGreaterThan(0n);
});

test.each([
  { row: '{"text": 7}', says: 'line 1 has no text "text"; it has text' },
  { row: "{", says: "line 1 is not a JSON object" },
  { row: "[1]", says: "line 1 is not a JSON object" },
  { row: "\n\n", says: "has no rows" },
])("a file that cannot be used is refused by line: $says", async ({ row, says }) => {
  await expect(prepareWork(options("--input", await fileOf(row)), 1)).rejects.toThrow(says);
});

test("a file that is not there is named", async () => {
  await expect(prepareWork(options("--input", "no-such.ndjson"), 1)).rejects.toThrow(
    "no-such.ndjson cannot be read",
  );
});

test("ceilings are whole cents, and millionths where cents would be too coarse to bind", () => {
  expect(ceilingUsd(1_234_567_890n)).toBe("1.24");
  expect(ceilingUsd(2_505_001n)).toBe("0.002506");
});
