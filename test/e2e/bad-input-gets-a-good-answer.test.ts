// Promise 10: bad input gets a good answer. Every refusal names the line, the field and the reason; the rest of the submission
// follows the caller's choice; nothing is half-accepted. Shown to the end: what was accepted among the worst bytes there are
// reaches a result, in both lanes, and what was refused leaves nothing behind.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { keysFile } from "../../src/processes/bootstrap.ts";
import { openInstallation } from "../support/installation.ts";
import type { Installation } from "../support/installation.ts";
import { judge } from "../support/referee.ts";
import { sharedFolder, sharedText } from "../support/shared-data.ts";
import { callerOf, waitForRest } from "./fleet.ts";
import type { Caller } from "./fleet.ts";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

let installation: Installation;
let caller: Caller;
beforeAll(async () => {
  installation = await openInstallation({ settings: { SLUICE_BATCH_LINES_MAX: "5000" } });
  const service = await installation.start();
  const keys: unknown = JSON.parse(readFileSync(keysFile(installation.config.dataDir), "utf8"));
  caller = callerOf(service.url ?? "", z.object({ default: z.string() }).parse(keys).default);
});
afterAll(() => installation.close());

interface Sample {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Samples of our own, named as those of the suite: y must parse, n must not, i is the parser's choice. */
const own: readonly Sample[] = [
  { name: "y_deep", bytes: Buffer.from(`${"[".repeat(40)}${"]".repeat(40)}`) },
  { name: "y_nul", bytes: Buffer.from('"a\\u0000b"') },
  { name: "y_prototype", bytes: Buffer.from('{"__proto__":{"x":1}}') },
  { name: "n_bytes", bytes: Buffer.from([0x22, 0xff, 0xfe, 0x22]) },
  { name: "n_overlong", bytes: Buffer.from([0x22, 0xc0, 0x80, 0x22]) },
  { name: "n_open", bytes: Buffer.from('{"a":') },
  { name: "n_trailing", bytes: Buffer.from("[1],") },
  { name: "i_half_a_pair", bytes: Buffer.from('"\\ud800"') },
  { name: "i_beyond", bytes: Buffer.from("1e999") },
  { name: "i_deeper", bytes: Buffer.from(`${"[".repeat(500)}${"]".repeat(500)}`) },
];

const suite = sharedFolder("json-parsing");
const samples = own.concat(
  suite === null
    ? []
    : readdirSync(suite)
        .filter((name) => name.endsWith(".json"))
        .map((name) => ({ name, bytes: readFileSync(join(suite, name)) })),
);

const message = {
  model: "claude-haiku-5-5",
  max_tokens: 1_000,
  messages: [{ role: "user", content: "Good day" }],
};
const goodLine = Buffer.from(`${JSON.stringify({ input: message })}\n`);

/** The bytes where a value stands: the default of a tool's parameter, which may be any JSON. */
function wrapped(bytes: Buffer): Buffer {
  const tool = { name: "look", input_schema: { type: "object", properties: { at: { default: "@" } } } };
  const [before = "", after = ""] = JSON.stringify({ ...message, tools: [tool] }).split('"@"');
  return Buffer.concat([Buffer.from(before), bytes, Buffer.from(after)]);
}

interface Line {
  readonly name: string;
  readonly bytes: Buffer;
  /** Null: the parser's choice. */
  readonly valid: boolean | null;
}

const validity = { y: true, n: false, i: null } as const;
const validityOf = ({ name }: Sample): boolean | null =>
  z
    .enum(["y", "n", "i"])
    .transform((kind) => validity[kind])
    .parse(name[0]);

/** Good lines, and between them every sample by itself and as a value in a line. What holds a newline is no single line. */
function makeLines(good: number): Line[] {
  const single = samples.filter(({ bytes }) => !bytes.includes(0x0a) && bytes.toString("utf8").trim() !== "");
  const bad = single.flatMap((sample): Line[] => [
    { ...sample, valid: false },
    {
      name: `${sample.name} as a value`,
      bytes: Buffer.concat([Buffer.from('{"input":'), wrapped(sample.bytes), Buffer.from("}")]),
      valid: validityOf(sample),
    },
  ]);
  const lines: Line[] = Array.from({ length: good }, (_, n) => ({
    name: `good ${n}`,
    bytes: goodLine.subarray(0, -1),
    valid: true,
  }));
  for (const [n, line] of bad.entries()) lines.splice(1 + n * 2, 0, line);
  return lines;
}

const fieldError = z.object({ line: z.int(), field: z.string(), reason: z.string().min(6) });
const answered = z.object({
  id: z.string(),
  accepted: z.int(),
  invalid: z.int(),
  errors: z.array(fieldError),
});
const refused = z.object({ status: z.int(), code: z.string(), errors: z.array(fieldError).min(1) });

const bodyOf = (lines: readonly Line[]): Buffer =>
  Buffer.concat(lines.flatMap(({ bytes }) => [bytes, Buffer.from("\n")]));
const upload = (query: string, body: Buffer): Promise<Response> =>
  caller.send(`/v1/bulks?${query}`, {
    method: "POST",
    headers: { "content-type": "application/x-ndjson" },
    body,
  });

async function rowsOf<Row extends Record<string, unknown>>(
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  return (await installation.db.query<Row>(text, values)).rows;
}

describe.each(["now", "whenever"])(
  "bytes that break parsers, among 1,000 good lines, urgency %s",
  (urgency) => {
    const lines = makeLines(1_000);
    const query = `type=message&urgency=${urgency}`;

    test("skip: every line is a job or an error with its reason, and every job gets its outcome", async () => {
      const response = await upload(`${query}&on_invalid=skip`, bodyOf(lines));
      expect(response.status).toBe(202);
      const bulk = answered.parse(await response.json());
      expect(bulk.accepted + bulk.invalid).toBe(lines.length);
      const wrong = new Set(bulk.errors.map(({ line }) => line));
      expect(wrong.size).toBe(bulk.invalid);
      const misjudged = lines.filter(({ valid }, at) => valid !== null && valid === wrong.has(at + 1));
      expect(misjudged.map(({ name }) => name)).toEqual([]);
      const jobs = await rowsOf<{ line: number }>("SELECT line FROM jobs WHERE bulk_id = $1 ORDER BY line", [
        bulk.id,
      ]);
      const rest = lines.map((_, at) => at + 1).filter((line) => !wrong.has(line));
      expect(jobs.map(({ line }) => line)).toEqual(rest);
      await waitForRest(installation);
      const failed = await rowsOf<{ line: number }>(
        "SELECT line, failure_code, failure_fault FROM jobs WHERE bulk_id = $1 AND state <> 'succeeded'",
        [bulk.id],
      );
      expect(failed.map((job) => ({ ...job, name: lines[job.line - 1]?.name }))).toEqual([]);
      await judge(installation.db, installation.simulator);
    });

    test("reject: the same lines are named, and nothing of it is kept", async () => {
      const before = await rowsOf("SELECT count(*) FROM bulks");
      const calls = installation.simulator.world.log.view({ path: null, method: null, since: 0, limit: 1 })[
        "total"
      ];
      const response = await upload(`${query}&on_invalid=reject`, bodyOf(lines));
      expect(response.status).toBe(422);
      expect(response.headers.get("content-type")).toContain("application/problem+json");
      const problem = refused.parse(await response.json());
      const wrong = new Set(problem.errors.map(({ line }) => line));
      const misjudged = lines.filter(({ valid }, at) => valid !== null && valid === wrong.has(at + 1));
      expect(misjudged.map(({ name }) => name)).toEqual([]);
      expect(await rowsOf("SELECT count(*) FROM bulks")).toEqual(before);
      expect(await rowsOf("SELECT 1 FROM jobs WHERE finished_at IS NULL")).toEqual([]);
      expect(
        installation.simulator.world.log.view({ path: null, method: null, since: 0, limit: 1 })["total"],
      ).toBe(calls);
    });
  },
);

test("the same bytes inside the body of a single job and of a JSON bulk: 202 or a 4xx that says why", async () => {
  const ends: string[] = [];
  for (const sample of samples) {
    const input = wrapped(sample.bytes);
    const job = Buffer.concat([
      Buffer.from('{"type":"message","urgency":"whenever","input":'),
      input,
      Buffer.from("}"),
    ]);
    const bulk = Buffer.concat([Buffer.from('{"jobs":[{"input":'), input, Buffer.from("}]}")]);
    for (const [path, body] of [
      ["/v1/jobs", job],
      ["/v1/bulks?type=message", bulk],
      ["/v1/jobs", sample.bytes],
    ] as const) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other names the sample that fails
      const response = await caller.send(path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
      });
      // oxlint-disable-next-line no-await-in-loop
      const answer = z
        .object({ title: z.string().optional(), detail: z.string().optional() })
        .parse(await response.json());
      const expected = body === sample.bytes ? false : validityOf(sample);
      if (expected !== null && expected !== (response.status === 202))
        ends.push(`${sample.name} ${path}: ${response.status}`);
      if (
        response.status !== 202 &&
        (response.status < 400 || response.status >= 500 || answer.title === undefined)
      )
        ends.push(`${sample.name} ${path}: ${response.status}, ${JSON.stringify(answer)}`);
    }
  }
  expect(ends).toEqual([]);
  await waitForRest(installation);
  expect(await rowsOf("SELECT 1 FROM jobs WHERE state <> 'succeeded'")).toEqual([]);
  await judge(installation.db, installation.simulator);
});

const naughty = sharedText("naughty-strings.json");
const strings = z
  .array(z.string())
  .parse(naughty === null ? [] : JSON.parse(naughty))
  .concat("\0", "\ud800", "\u{e0041}", "");

const inputs: Record<string, (text: string) => unknown> = {
  "classify-intent": (text) => ({ text, labels: ["lost card", "refund"], instructions: text }),
  "extract-contact": (text) => ({ text, instructions: text }),
  message: (text) => ({ ...message, system: text, messages: [{ role: "user", content: text }] }),
};

describe.each(Object.keys(inputs))("every naughty string, through %s", (type) => {
  test.each(["now", "whenever"])("to a result, urgency %s", async (urgency) => {
    const lines = strings.map((text) => JSON.stringify({ input: inputs[type]?.(text) }));
    const response = await upload(
      `type=${type}&urgency=${urgency}&on_invalid=skip`,
      Buffer.from(`${lines.join("\n")}\n`),
    );
    const bulk = answered.parse(await response.json());
    expect(response.status).toBe(202);
    // A message may not be empty for the provider; nothing else is wrong with any of them.
    const wrong = bulk.errors.map(({ line }) => strings[line - 1] ?? "no such line");
    expect(wrong.filter((text) => type !== "message" || text.trim() !== "")).toEqual([]);
    await waitForRest(installation);
    const results = await (await caller.send(`/v1/bulks/${bulk.id}/results`)).text();
    const ends = results
      .trimEnd()
      .split("\n")
      .map((line) => z.object({ line: z.int(), outcome: z.string() }).parse(JSON.parse(line)));
    expect(ends.filter(({ outcome }) => outcome !== "succeeded")).toEqual([]);
    expect(ends).toHaveLength(strings.length - bulk.invalid);
    await judge(installation.db, installation.simulator);
  });
});
