// The architecture and the house rules, enforced. Layers are listed lowest first; a file may import from its own folder or from
// any layer strictly below. Folders on one line are siblings and may not see each other.
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, test } from "vitest";

const layers = [
  ["src/domain"],
  ["jobs"],
  ["src/config", "src/observe"],
  ["src/postgres", "src/queue", "src/limiter", "src/provider", "src/guard"],
  [
    "src/intake",
    "src/lanes",
    "src/money",
    "src/control",
    "src/audit",
    "src/release",
    "src/delivery",
    "src/upkeep",
  ],
  ["src/http", "src/cli"],
  ["src/processes"],
];
/** Imports nothing of the rest, and nothing under src or jobs imports it. */
const alone = "src/simulator";

/** Packages that only some folders may know; everybody else goes through them. */
const owners: Readonly<Record<string, readonly string[]>> = {
  bullmq: ["src/queue"],
  ioredis: ["src/queue"],
  "@bull-board/api": ["src/queue", "src/http"],
  "@bull-board/express": ["src/queue", "src/http"],
  "@anthropic-ai/sdk": ["src/provider"],
  pg: ["src/postgres", "src/queue"],
  "pg-cursor": ["src/postgres"],
  express: ["src/http", "src/simulator"],
  standardwebhooks: ["src/delivery"],
};

const root = join(import.meta.dirname, "..");
const list = (dir: string, suffix: string): string[] =>
  readdirSync(join(root, dir), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(suffix))
    .map((file) => join(dir, file))
    .toSorted();
const read = (file: string): string => readFileSync(join(root, file), "utf8");
const folders = [...layers.flat(), alone];
const folderOf = (file: string): string =>
  folders.find((folder) => file.startsWith(`${folder}/`)) ?? "outside every layer";
const rankOf = (folder: string): number => layers.findIndex((layer) => layer.includes(folder));

const importPattern =
  /^\s*(?:import|export)\b[^"';]*?(?:from\s*)?["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/gm;
const importedBy = (file: string): string[] =>
  Array.from(read(file).matchAll(importPattern), (match) => match[1] ?? match[2] ?? "");
const localImportsOf = (file: string): string[] =>
  importedBy(file)
    .filter((name) => name.startsWith("."))
    .map((name) => relative(root, join(root, dirname(file), name)));
const packagesOf = (file: string): string[] =>
  importedBy(file)
    .filter((name) => !name.startsWith(".") && !name.startsWith("node:"))
    .map((name) => /^(@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name);

const sources = [...list("src", ".ts"), ...list("jobs", ".ts")];

test.each(sources)("%s imports only downwards", (file) => {
  const own = folderOf(file);
  expect(folders, "every file lives in a named layer").toContain(own);
  const wrong = localImportsOf(file).filter((target) => {
    const folder = folderOf(target);
    if (folder === own) return false;
    return own === alone || folder === alone || rankOf(folder) >= rankOf(own);
  });
  expect(wrong).toEqual([]);
});

test("outside things are known in one place each", () => {
  const wrong = sources.flatMap((file) =>
    packagesOf(file)
      .filter((name) => owners[name]?.includes(folderOf(file)) === false)
      .map((name) => `${file} imports ${name}`),
  );
  expect(wrong).toEqual([]);
});

test("no file is longer than a newcomer can hold: 300 lines", () => {
  const written = [...sources, ...list("test", ".ts"), ...list("scripts", ".ts"), ...list("bench", ".ts")];
  const long = written
    .filter((file) => !file.endsWith(".generated.ts"))
    .map((file) => ({ file, lines: read(file).trimEnd().split("\n").length }))
    .filter(({ lines }) => lines > 300);
  expect(long).toEqual([]);
});

test("files are named by nouns in kebab-case, not by what anything could be", () => {
  const named = sources.map((file) => file.split("/").at(-1) ?? "");
  expect(named.filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.generated)?\.ts$/.test(name))).toEqual([]);
  expect(named.filter((name) => /^(utils?|helpers?|misc|common|manager)\.ts$/.test(name))).toEqual([]);
});

const highest = (name: string, text: string): number =>
  Math.max(
    0,
    ...Array.from(text.matchAll(new RegExp(`${name}\\[(\\d+)\\]`, "g")), (match) => Number(match[1])),
  );

test.each(list("src", ".lua"))("%s opens with its contract", (file) => {
  const header = /^--\[\[[\s\S]*?\]\]/.exec(read(file))?.[0] ?? "";
  for (const section of ["KEYS", "ARGV", "RETURNS", "COST"]) expect(header).toContain(section);
  const body = read(file).slice(header.length);
  expect(highest("KEYS", header)).toBe(highest("KEYS", body));
  expect(highest("ARGV", header)).toBe(highest("ARGV", body));
});

test.each(list("src/postgres/queries", ".sql"))(
  "%s opens with what it does, its rows, locks and index",
  (file) => {
    const header = /^(--.*\n)+/.exec(read(file))?.[0] ?? "";
    expect(header).toMatch(/^-- [A-Z]/);
    for (const line of ["rows", "locks", "index"])
      expect(header).toMatch(new RegExp(`^-- ${line}: \\S`, "m"));
  },
);

test.each(list("src/postgres/migrations", ".sql"))("%s opens with why", (file) => {
  expect(read(file)).toMatch(/^-- \d{4} · .{20,}/);
});

/** The closed lists, and how a member of each is written. */
const closedLists: Readonly<Record<string, RegExp>> = {
  "src/config/limits.ts": /^ {2}([a-zA-Z0-9]+): [\d(]/gm,
  "src/config/settings.ts": /^ {4}([a-zA-Z0-9]+): (?:setting|secret)\(/gm,
  "src/domain/error-catalogue.ts": /^ {2}([a-z_]+): entry\(/gm,
  "src/observe/events.ts": /^ {2}"([a-z_.]+)": /gm,
  "src/observe/points.ts": /^ {2}"([a-z_.]+)": /gm,
};
const membersOf = (file: string, pattern: RegExp): string[] =>
  Array.from(read(file).matchAll(pattern), (match) => match[1] ?? "");

test.each(Object.entries(closedLists))(
  "%s lists everything once and nothing that is not used",
  (file, pattern) => {
    const names = membersOf(file, pattern);
    expect(names.length).toBeGreaterThan(20);
    // An object would have swallowed the first of two equal names.
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
    const elsewhere = [...sources, ...list("scripts", ".ts"), ...list("bench", ".ts")]
      .filter((source) => source !== file)
      .map(read)
      .join("\n");
    const own = read(file);
    const isUsed = (name: string): boolean =>
      new RegExp(`\\b${name.replaceAll(".", "\\.")}\\b`).test(elsewhere) || own.includes(`limits.${name}`);
    expect(names.filter((name) => !isUsed(name))).toEqual([]);
  },
);

test("no source carries unfinished work, a section banner or a path of somebody's machine", () => {
  const everywhere = [...sources, ...list("test", ".ts"), ...list("scripts", ".ts"), ...list("bench", ".ts")];
  // One letter of each in brackets, so that this file does not find itself.
  const wrong = [
    /T[O]DO|FIX[M]E|X[X]X\b/,
    /^\s*\/\/ ?[-=*#]{4,}/m,
    /\/h[o]me\/|\/U[s]ers\/|["'` ]\/w[o]rk\//,
  ];
  expect(everywhere.filter((file) => wrong.some((pattern) => pattern.test(read(file))))).toEqual([]);
});
