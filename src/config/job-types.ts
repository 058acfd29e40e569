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

export type JobTypes = ReadonlyMap<string, CompiledJobType>;

/** Most folders read of one directory: a wrong path should fail, not load the machine. */
const jobFoldersMax = 500;
const definitionFiles = ["job.ts", "job.js", "job.mjs"];

/** Loads and compiles everything. Throws one Error that names every problem found, each with its file. */
export async function loadJobTypes(options: { dirs: readonly string[] }): Promise<JobTypes> {
  const problems: string[] = [];
  const found = [...shippedJobTypes];
  for (const dir of options.dirs) {
    for (const folder of await jobFolders(dir, problems)) {
      const definition = await importDefinition(folder).catch((error: unknown) =>
        noteProblem(problems, folder, error),
      );
      if (definition !== undefined) found.push(definition);
    }
  }
  const jobTypes = new Map<string, CompiledJobType>();
  for (const definition of found) {
    const where = definition.dir ?? definition.name;
    const compiled = await compile(definition).catch((error: unknown) => noteProblem(problems, where, error));
    if (compiled === undefined) continue;
    if (jobTypes.has(compiled.name))
      problems.push(`${where}: there is another job type of the name ${compiled.name}`);
    jobTypes.set(compiled.name, compiled);
  }
  if (problems.length > 0) throw new Error(`job types cannot be loaded:\n  ${problems.join("\n  ")}`);
  return jobTypes;
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
  const module = (await import(pathToFileURL(file).href)) as { jobType?: unknown };
  const exported: unknown = module.jobType;
  const definition: unknown =
    typeof exported === "function"
      ? (exported as (given: object) => unknown)({ defineJobType, z })
      : exported;
  if (typeof definition !== "object" || definition === null) throw new Error(`${file} exports no jobType`);
  return { dir: folder, ...(definition as JobTypeDefinition) };
}

function noteProblem(problems: string[], where: string, error: unknown): undefined {
  const reason = error instanceof Error ? error.message : "unknown problem";
  problems.push(reason.startsWith(where) ? reason : `${where}: ${reason}`);
}
