// What the database remembers of job types: their owners, and the hash of every prompt version that ever served.

import { ServiceError } from "../domain/errors.ts";
import type { CompiledJobType } from "../domain/compile-job-type.ts";
import type { Database } from "./pool.ts";
import { query } from "./query.ts";

const register = query("job-types/register");
const registerPrompts = query("job-types/register-prompts");

/** Registers the loaded types. @throws ServiceError prompt_changed, where a version has another text than it had before */
export async function registerJobTypes(database: Database, types: readonly CompiledJobType[]): Promise<void> {
  await register(database, [types.map((type) => type.name), types.map((type) => type.owner)]);
  const prompts = types.flatMap((type) =>
    type.promptVersions.map((prompt) => ({ ...prompt, type: type.name })),
  );
  const { rows } = await registerPrompts(database, [
    prompts.map((prompt) => prompt.type),
    prompts.map((prompt) => prompt.version),
    prompts.map((prompt) => prompt.sha256),
  ]);
  const [changed] = rows;
  if (changed !== undefined)
    throw new ServiceError("prompt_changed", {
      detail: `Version ${changed.version} of ${changed.job_type} has served with another text. Restore it and add a new version.`,
    });
}
