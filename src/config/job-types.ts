// Loads the job types: the shipped ones, and one for every folder of the directories given. A released prompt is never edited; its
// file is compared with the hash in its definition at every start, so that a result that names a version can be believed.
//
// A definition outside this repository need not import anything: it may export a function that is given what it needs.
//
//   export const jobType = ({ defineJobType, z }) => defineJobType({ name: "…", … });

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import { shippedJobTypes } from "../../jobs/index.ts";
import { compileJobType } from "../domain/compile-job-type.ts";
import type { CompiledJobType, PromptVersion } from "../domain/compile-job-type.ts";
import { defineJobType } from "../domain/job-type.ts";
import type { JobTypeDefinition } from "../domain/job-type.ts";
import { isRecord } from "../domain/json-value.ts";

export type JobTypes = ReadonlyMap<string, CompiledJobType>;

/** Most folders read of one directory: a wrong path should fail, not load the machine. */
const jobFoldersMax = 500;
const definitionFiles = ["job.ts", "job.js", "job.mjs"];

/** Loads and compiles everything. Throws one Error that names every problem found, each with its file. */
export async function loadJobTypes(options: { dirs: readonly string[] }): Promise<JobTypes> {
  const problems: string[] = [];
  const folders = (await Promise.all(options.dirs.map((dir) => jobFolders(dir, problems)))).flat();
  const imported = await Promise.all(
    folders.map((folder) =>
      importDefinition(folder).catch((error: unknown) => noteProblem(problems, folder, error)),
    ),
  );
  const definitions = [...shippedJobTypes, ...imported.filter((each) => each !== undefined)];
  const compiled = await Promise.all(
    definitions.map((each) =>
      compile(each).catch((error: unknown) => noteProblem(problems, whereIs(each), error)),
    ),
  );
  const jobTypes = new Map<string, CompiledJobType>();
  compiled.forEach((jobType, index) => {
    if (jobType === undefined) return;
    if (jobTypes.has(jobType.name)) {
      problems.push(`${whereIs(definitions[index])}: there is another job type of the name ${jobType.name}`);
    }
    jobTypes.set(jobType.name, jobType);
  });
  if (problems.length > 0) throw new Error(`job types cannot be loaded:\n  ${problems.join("\n  ")}`);
  return jobTypes;
}

function whereIs(definition: JobTypeDefinition | undefined): string {
  return definition?.dir ?? definition?.name ?? "a job type";
}

async function compile(definition: JobTypeDefinition): Promise<CompiledJobType> {
  const { dir } = definition;
  if (dir === undefined) throw new Error("the definition has no dir; set it to import.meta.dirname");
  const prompts = await Promise.all(definition.prompts.map((prompt) => readPrompt(dir, prompt)));
  return compileJobType(definition, prompts);
}

async function readPrompt(dir: string, prompt: JobTypeDefinition["prompts"][number]): Promise<PromptVersion> {
  const file = path.join(dir, prompt.file);
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new Error(`${file} cannot be read`, { cause });
  });
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  if (sha256 !== prompt.sha256) {
    throw new Error(
      `${file} is not the released version ${prompt.version}: its SHA-256 is ${sha256}, the definition says ` +
        `${prompt.sha256}. A released prompt is never edited: restore the file and add a new version beside it.`,
    );
  }
  return { version: prompt.version, sha256, text: bytes.toString("utf8") };
}

async function jobFolders(dir: string, problems: string[]): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch((error: unknown) => {
    noteProblem(problems, dir, error);
    return [];
  });
  const folders = entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith(".") && entry.name !== "node_modules")
    .map((entry) => path.resolve(dir, entry.name))
    .toSorted();
  if (folders.length > jobFoldersMax) problems.push(`${dir}: has more than ${jobFoldersMax} folders`);
  return folders.length > jobFoldersMax ? [] : folders;
}

async function importDefinition(folder: string): Promise<JobTypeDefinition> {
  const file = definitionFiles
    .map((name) => path.join(folder, name))
    .find((candidate) => existsSync(candidate));
  if (file === undefined) throw new Error(`has none of ${definitionFiles.join(", ")}`);
  const module: unknown = await import(pathToFileURL(file).href);
  const exported = isRecord(module) ? module["jobType"] : undefined;
  const definition: unknown = isFunction(exported) ? exported({ defineJobType, z }) : exported;
  if (!looksLikeDefinition(definition)) {
    throw new Error(`${file} must export jobType with ${definitionParts.join(", ")}`);
  }
  return { ...definition, dir: definition.dir ?? folder };
}

/** What a definition cannot do without; the compiler takes a closer look at each of them. */
const definitionParts = ["name", "owner", "description", "input", "fields", "output", "prompts"];

function looksLikeDefinition(value: unknown): value is JobTypeDefinition {
  return (
    isRecord(value) &&
    definitionParts.every((part) => value[part] !== undefined) &&
    value["input"] instanceof z.ZodObject &&
    Array.isArray(value["prompts"])
  );
}

function isFunction(
  value: unknown,
): value is (given: { defineJobType: typeof defineJobType; z: typeof z }) => unknown {
  return typeof value === "function";
}

function noteProblem(problems: string[], where: string, error: unknown): undefined {
  const reason = error instanceof Error ? error.message : "unknown problem";
  problems.push(reason.startsWith(where) ? reason : `${where}: ${reason}`);
}
