import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { shippedJobTypes } from "../../jobs/index.ts";
import { loadJobTypes } from "../../src/config/job-types.ts";
import { isRecord, parseRecord } from "../../src/domain/json-value.ts";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), "sluice-jobs-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

interface Sketch {
  name?: string;
  prompt?: string;
  sha256?: string;
  definition?: string;
  output?: string;
  fields?: string;
}

/** Writes a folder with a definition that imports nothing. */
function writeType(folder: string, sketch: Sketch = {}): void {
  const prompt = sketch.prompt ?? "Say what language it is. {{hint}}\n";
  mkdirSync(path.join(dir, folder, "prompts"), { recursive: true });
  writeFileSync(path.join(dir, folder, "prompts/v1.md"), prompt);
  writeFileSync(
    path.join(dir, folder, "job.mjs"),
    `export const jobType = ({ defineJobType, z }) => defineJobType({
      name: ${JSON.stringify(sketch.name ?? folder)}, owner: "team", description: "A test.",
      input: z.strictObject({ text: z.string(), hint: z.string().optional() }),
      fields: { text: { trust: "data", charsMax: 10 }, hint: { trust: "instruction", shareable: true }, ${sketch.fields ?? ""} },
      output: ${sketch.output ?? "z.object({ language: z.string() })"},
      prompts: [{ version: 1, file: "prompts/v1.md", sha256: ${JSON.stringify(sketch.sha256 ?? sha256(prompt))} }],
      model: "claude-haiku-5-5", maxTokens: 100, ${sketch.definition ?? ""}
    });`,
  );
}

describe("released prompts", () => {
  for (const definition of shippedJobTypes) {
    for (const prompt of definition.prompts) {
      test(`${definition.name} v${prompt.version} has the hash it was released with`, () => {
        const text = readFileSync(path.join(definition.dir ?? "", prompt.file), "utf8");
        expect(sha256(text)).toBe(prompt.sha256);
      });
    }
  }

  test("a changed file stops the start, with both hashes and what to do", async () => {
    writeType("language", { sha256: sha256("what was released") });
    const failure = await loadJobTypes({ dirs: [dir] }).catch((error: unknown) => String(error));
    expect(failure).toContain(path.join(dir, "language/prompts/v1.md"));
    expect(failure).toContain(sha256("what was released"));
    expect(failure).toContain(sha256("Say what language it is. {{hint}}\n"));
    expect(failure).toContain("add a new version");
  });
});

test("the shipped types load, each with an owner, a price and its serving version", async () => {
  const types = await loadJobTypes({ dirs: [] });
  expect([...types.keys()]).toEqual(["classify-intent", "extract-contact", "message"]);
  for (const type of types.values()) {
    expect(type.owner).not.toBe("");
    expect(type.promptVersions.map((prompt) => prompt.version)).toContain(type.servingVersion);
    expect(type.inputJsonSchema["type"]).toBe("object");
  }
});

test("a folder of SLUICE_JOBS_DIR is a type like the shipped ones", async () => {
  writeType("language", {
    definition: 'defaultUrgency: "now", priority: 7, attemptsMax: 2, callTimeoutMs: 5000',
  });
  mkdirSync(path.join(dir, ".git"));
  const type = (await loadJobTypes({ dirs: [dir] })).get("language");
  expect(type).toMatchObject({
    owner: "team",
    defaultUrgency: "now",
    priority: 7,
    attemptsMax: 2,
    callTimeoutMs: 5_000,
  });
  const checked = type?.prepare({ hint: "Only Europe." }).check({ text: "Grüezi" });
  expect(checked).toMatchObject({
    ok: true,
    input: '{"text":"Grüezi"}',
    request: { model: "claude-haiku-5-5", version: 1 },
  });
  expect(type?.prepare(null).check({ text: "longer than ten" })).toEqual({
    ok: false,
    errors: [{ field: "text", code: "invalid_input", reason: "must have at most 10 characters" }],
  });
});

test("a new version serves beside the old one, which still renders what was sent with it", async () => {
  writeType("language");
  const second = "Second. {{hint}}";
  writeFileSync(path.join(dir, "language/prompts/v2.md"), second);
  const file = path.join(dir, "language/job.mjs");
  const source = readFileSync(file, "utf8");
  writeFileSync(
    file,
    source.replace("}],", `}, { version: 2, file: "prompts/v2.md", sha256: "${sha256(second)}" }],`),
  );
  const type = (await loadJobTypes({ dirs: [dir] })).get("language");
  const jobs = type?.prepare(null);
  expect(type?.servingVersion).toBe(2);
  expect(jobs?.render('{"text":"a"}', 2).params).toContain("Second.");
  expect(jobs?.render('{"text":"a"}', 1).params).toContain("Say what language");
  expect(() => jobs?.render('{"text":"a"}', 3)).toThrow("no prompt version 3");
});

describe("a definition that cannot work stops the start with its reason", () => {
  const rows: [string, Sketch, string][] = [
    ["a data field in the prompt", { prompt: "Read {{text}}." }, "{{text}} is not an instruction field"],
    ["a data field as a section", { prompt: "{{#text}}x{{/text}}" }, "{{text}} is not an instruction field"],
    ["an unknown model", { definition: 'model: "claude-next"' }, "the model claude-next has no known price"],
    [
      "more output than the model gives",
      { definition: "maxTokens: 128001" },
      "maxTokens must be 1 to 128000",
    ],
    [
      "thinking the model refuses",
      { definition: 'thinking: { type: "enabled" }' },
      "does not take thinking enabled",
    ],
    [
      "an output that takes our names",
      { output: "z.object({ confidence: z.number() })" },
      "may not define confidence",
    ],
    [
      "an output with an open object",
      { output: "z.object({ a: z.record(z.string(), z.string()) })" },
      "open object",
    ],
    ["a rule for no field", { fields: 'ghost: { trust: "data" }' }, "fields names ghost"],
    ["a name with capitals", { name: "Language" }, "the name must be lower-case"],
    ["a name that is taken", { name: "message" }, "another job type of the name message"],
    ["a version that does not exist", { definition: "serving: 2" }, "serves prompt version 2"],
    ["no prompt", { definition: "prompts: []" }, "at least one prompt version"],
    ["a priority out of range", { definition: "priority: 10" }, "priority must be 0 to 9"],
    ["no owner", { definition: 'owner: " "' }, "owner is empty"],
  ];
  test.each(rows)("%s", async (_name, sketch, reason) => {
    writeType("language", sketch);
    await expect(loadJobTypes({ dirs: [dir] })).rejects.toThrow(reason);
  });

  test("a folder without a definition, a file that exports something else and a missing directory, all at once", async () => {
    mkdirSync(path.join(dir, "empty"));
    mkdirSync(path.join(dir, "other"));
    writeFileSync(path.join(dir, "other/job.mjs"), "export const jobType = 1;");
    const failure = await loadJobTypes({ dirs: [dir, path.join(dir, "absent")] }).catch((error: unknown) =>
      String(error),
    );
    expect(failure).toContain(`${path.join(dir, "empty")}: has none of job.ts, job.js, job.mjs`);
    expect(failure).toContain(`${path.join(dir, "other/job.mjs")} must export jobType with name`);
    expect(failure).toContain(path.join(dir, "absent"));
  });
});

test.each(shippedJobTypes)("the examples of $name are accepted", async ({ name, dir: folder = "" }) => {
  const type = (await loadJobTypes({ dirs: [] })).get(name);
  const lines = readFileSync(path.join(folder, "examples.ndjson"), "utf8")
    .trim()
    .split("\n")
    .map(parseRecord);
  const shared = lines[0]?.["shared"];
  expect(type?.checkShared(shared)).toMatchObject({ ok: true });
  const jobs = type?.prepare(isRecord(shared) ? shared : null);
  for (const line of lines.slice(1)) expect(jobs?.check(line["input"])).toMatchObject({ ok: true });
});

test("the definition in the documentation loads and answers", async () => {
  const page = readFileSync(path.join(import.meta.dirname, "../../docs/job-types.md"), "utf8");
  const source = /```js\n\/\/ language\/job\.mjs\n(.*?)```/s.exec(page)?.[1] ?? "";
  const prompt = "Say in which language the text is. {{hint}}";
  mkdirSync(path.join(dir, "language/prompts"), { recursive: true });
  writeFileSync(path.join(dir, "language/prompts/v1.md"), prompt);
  writeFileSync(path.join(dir, "language/job.mjs"), source.replace("…", sha256(prompt)));
  const type = (await loadJobTypes({ dirs: [dir] })).get("detect-language");
  expect(type?.prepare(null).check({ text: "Hej" })).toMatchObject({ ok: true, input: '{"text":"Hej"}' });
});

describe("right-sizing", () => {
  test("a request varied in its cap differs in the digits of max_tokens and in nothing else", async () => {
    writeType("language", { definition: "rightSize: true," });
    const type = (await loadJobTypes({ dirs: [dir] })).get("language");
    expect(type?.rightSize).toBe(true);
    const jobs = type?.prepare({ hint: "Only Europe." });
    const accepted = jobs?.render('{"text":"Hej"}', 1);
    const varied = jobs?.render('{"text":"Hej"}', 1, { maxTokens: 64 });
    expect(varied?.params).toBe(accepted?.params.replace('"max_tokens":100', '"max_tokens":64'));
    expect(varied?.bytes).toBe(Buffer.byteLength(varied?.params ?? ""));
    expect(varied?.outputTokensMax).toBe(64);
    // The accepted one is remembered beside it, unvaried.
    expect(jobs?.render('{"text":"Hej"}', 1)).toEqual(accepted);
  });

  test("is refused where the model thinks, or cannot be kept from it", async () => {
    writeType("thinking", { definition: 'rightSize: true, thinking: { type: "adaptive" },' });
    writeType("always", { definition: 'rightSize: true, model: "claude-fable-5",' });
    writeType("between", { definition: 'rightSize: true, model: "claude-sonnet-5-5",' });
    const failure = await loadJobTypes({ dirs: [dir] }).catch((error: unknown) => String(error));
    for (const name of ["thinking", "always", "between"])
      expect(failure).toContain(`job type ${name}: rightSize needs a model that does not think`);
  });
});
