// A job type of its own for tests of right-sizing, in a folder as an installation's own types are.

import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const sizedType = { name: "say-shortly", model: "claude-haiku-5-5", maxTokens: 1_000 } as const;

export interface SizedTypeDir {
  readonly dir: string;
  remove(): void;
}

/** Writes the type; `definition` is further members of it, as source text. */
export function writeSizedType(definition = "rightSize: true,"): SizedTypeDir {
  const dir = mkdtempSync(join(tmpdir(), "sluice-sized-"));
  const folder = join(dir, sizedType.name);
  const prompt = "Say in one sentence what the text is about.\n";
  const sha256 = createHash("sha256").update(prompt).digest("hex");
  mkdirSync(join(folder, "prompts"), { recursive: true });
  writeFileSync(join(folder, "prompts/v1.md"), prompt);
  writeFileSync(
    join(folder, "job.mjs"),
    `export const jobType = ({ defineJobType, z }) => defineJobType({
      name: ${JSON.stringify(sizedType.name)}, owner: "team", description: "A test.",
      input: z.strictObject({ text: z.string() }), fields: { text: { trust: "data" } },
      output: z.object({ gist: z.string().max(400) }),
      prompts: [{ version: 1, file: "prompts/v1.md", sha256: ${JSON.stringify(sha256)} }],
      model: ${JSON.stringify(sizedType.model)}, maxTokens: ${sizedType.maxTokens}, ${definition}
    });`,
  );
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** Inputs whose answers are about as long as each other. */
export const sizedInputs = (howMany: number, word = "station"): Record<string, unknown>[] =>
  Array.from({ length: howMany }, (_, n) => ({
    text: `Letter ${n} from the ${word}: the train was late again.`,
  }));
