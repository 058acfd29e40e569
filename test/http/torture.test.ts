// Bytes that break naive software, as uploads: each is accepted as it is, or refused with line, field and reason. Never a 500.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sharedText } from "../support/shared-data.ts";
import {
  intentLabels,
  intentLine,
  linesOf,
  rawUpload,
  startApi,
  upload,
  type Json,
  type TestApi,
} from "./api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const path = "/v1/bulks?type=classify-intent&on_invalid=skip";
const torture = join(import.meta.dirname, "../../../shared/data/json-parsing");
const plainMessage = (text: unknown) => ({
  input: { model: "claude-haiku-5-5", max_tokens: 10, messages: [{ role: "user", content: text }] },
});

/** Puts the bytes of a value where the text of an input stands. */
const asText = (value: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from('{"input":{"text":'),
    value,
    Buffer.from(`,"labels":${JSON.stringify(intentLabels)}}}\n`),
  ]);

/** Every error names its line, where, and why, and quotes nothing. */
function expectGoodErrors(errors: Json[]): void {
  for (const error of errors) {
    expect(error).toEqual({
      line: expect.any(Number),
      field: expect.any(String),
      reason: expect.any(String),
    });
    expect(error.reason.length).toBeGreaterThan(5);
  }
}

const samples: [what: string, line: Buffer | string, field: string | null][] = [
  ["a NUL in the text", asText(Buffer.from('"a\\u0000b"')), null],
  ["half a surrogate pair", asText(Buffer.from('"\\ud800"')), null],
  ["bytes that are no UTF-8", asText(Buffer.from([0x22, 0xff, 0xfe, 0x22])), ""],
  ["an overlong NUL", asText(Buffer.from([0x22, 0xc0, 0x80, 0x22])), ""],
  ["a number beyond all bounds", '{"input":{"text":1e999}}\n', "input.text"],
  ["nesting beyond all bounds", asText(Buffer.from(`${"[".repeat(100_000)}${"]".repeat(100_000)}`)), ""],
  ["a prototype", '{"__proto__":{"x":1},"input":{}}\n', "__proto__"],
  [
    "a prototype in the input",
    '{"input":{"text":"x","labels":["a","b"],"__proto__":1}}\n',
    "input.__proto__",
  ],
  ["a key with a NUL", `${JSON.stringify(intentLine("x", { key: "a\0" }))}\n`, "key"],
  ["a key with half a pair", `{"key":"\\udc00",${JSON.stringify(intentLine("x")).slice(1)}\n`, "key"],
  ["a label with a NUL", `${JSON.stringify(intentLine("x", { labels: { a: "\0" } }))}\n`, "labels.a"],
  [
    "a label named like a prototype",
    `{"labels":{"__proto__":"v"},${JSON.stringify(intentLine("x")).slice(1)}\n`,
    null,
  ],
  [
    "a deadline before all time",
    `${JSON.stringify(intentLine("x", { deadline: "0000-01-01T00:00:00Z" }))}\n`,
    "deadline",
  ],
  ["an unknown name with controls", '{"\\u0000\\ud800":1,"input":{}}\n', "*"],
];

test.each(samples)("%s", async (_what, line, field) => {
  const good = `${JSON.stringify(intentLine("good"))}\n`;
  const body = Buffer.concat([Buffer.from(good), Buffer.from(line), Buffer.from(good)]);
  const bulk = await api.json(202, path, rawUpload(body));
  expectGoodErrors(bulk.errors);
  expect([bulk.accepted, bulk.invalid]).toEqual(field === null ? [3, 0] : [2, 1]);
  if (field !== null)
    expect(bulk.errors.map((error: Json) => [error.line, error.field])).toContainEqual([2, field]);
});

test("a text comes back from the store as it was sent, but for what JSON cannot carry", async () => {
  const texts = [
    "a\0b",
    "\ud800",
    "\u202eright to left",
    "😀 𝔘𝔫𝔦",
    "line\nbreak\u2028",
    "\\ud800",
    "'; DROP TABLE jobs; --",
  ];
  const bulk = await api.json(202, path, upload(texts.map((text) => intentLine(text))));
  expect(bulk.accepted).toBe(texts.length);
  const { rows } = await api.pool.query(
    "SELECT input FROM job_inputs i JOIN jobs j ON j.id = i.job_id WHERE bulk_id = $1 ORDER BY line",
    [bulk.id],
  );
  const stored = rows.map((row) => JSON.parse(row.input).text);
  expect(stored).toEqual(texts.map((text) => text.replaceAll(/\p{Surrogate}/gu, "\ufffd")));
});

describe.runIf(existsSync(torture))("the files of the JSON torture suite", () => {
  const files = existsSync(torture) ? readdirSync(torture).filter((name) => name.endsWith(".json")) : [];

  test("as whole uploads, and as the text of one line among good ones", async () => {
    expect(files.length).toBeGreaterThan(300);
    for (const file of files) {
      const bytes = readFileSync(join(torture, file));
      const whole = await api.send(path, rawUpload(bytes));
      expect([400, 422], file).toContain(whole.status);
      expectGoodErrors(((await whole.json()) as Json).errors ?? []);
      const among = await api.json(
        202,
        path,
        rawUpload(Buffer.concat([asText(bytes), Buffer.from(JSON.stringify(intentLine("good")))])),
      );
      expectGoodErrors(among.errors);
      expect(among.accepted, file).toBeGreaterThanOrEqual(1);
      const json = await api.send(
        "/v1/bulks?type=message",
        rawUpload(bytes, { "content-type": "application/json" }),
      );
      expect([400, 422], file).toContain(json.status);
    }
  });

  test("what must parse parses: the refusal is the schema's, and what must not parse is refused as such", async () => {
    for (const file of files.filter((name) => !name.startsWith("i_"))) {
      const bytes = readFileSync(join(torture, file));
      // A line holds no newline, and blank lines are nobody's fault.
      if (bytes.includes(0x0a) || bytes.toString("utf8").trim() === "") continue;
      const problem = await api.json(422, path, rawUpload(bytes));
      const unreadable = /^is not valid (JSON|UTF-8)/.test(problem.errors[0].reason);
      expect(unreadable, `${file}: ${problem.errors[0].reason}`).toBe(file.startsWith("n_"));
    }
  });
});

const naughty = sharedText("naughty-strings.json");
describe.runIf(naughty !== null)("every naughty string", () => {
  const strings = (naughty === null ? [] : JSON.parse(naughty)) as string[];

  test("goes through as input, key, label and message, or is refused by line", async () => {
    const texts = await api.json(202, path, upload(strings.map((text) => intentLine(text))));
    expect(texts.accepted + texts.invalid).toBe(strings.length);
    expect(texts.invalid).toBe(0);
    const messages = await api.json(
      202,
      "/v1/bulks?type=message&on_invalid=skip",
      upload(strings.map(plainMessage)),
    );
    expectGoodErrors(messages.errors);
    const marked = await api.json(
      202,
      path,
      upload(strings.map((text) => intentLine("x", { key: text, labels: { naughty: text } }))),
    );
    expectGoodErrors(marked.errors);
    expect(marked.accepted).toBeGreaterThan(300);
    const { jobs } = await api.json(200, `/v1/jobs?bulk=${marked.id}&limit=500`);
    for (const job of jobs) expect(job.key).toBe(strings[job.line - 1]);
    const errors = linesOf(await (await api.send(`/v1/bulks/${marked.id}/errors`)).text());
    expect(errors).toEqual(marked.errors);
  });

  test("stands nowhere it could harm: paths, queries, headers", async () => {
    const places = ["/v1/bulks/", "/v1/queues/", "/v1/types/", "/v1/bulks?label=", "/v1/jobs?after="];
    for (const text of strings) {
      const encoded = encodeURIComponent(text.replaceAll(/\p{Surrogate}/gu, ""));
      const answers = await Promise.all(places.map((place) => api.send(`${place}${encoded}`)));
      for (const answer of answers) expect(answer.status, answer.url).toBeLessThan(500);
      await Promise.all(answers.map((answer) => answer.arrayBuffer()));
    }
  });
});
