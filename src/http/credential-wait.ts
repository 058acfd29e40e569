// Why a job waits for the credential: the key, its credit or a spend limit for all work, or the one model that the job names.
import { defaultCredentialId } from "../config/provider-choice.ts";
import { readCredential } from "../postgres/credentials.ts";
import type { Api } from "./api.ts";

/** What a job for that model is told. */
export async function presentCredentialWait(
  api: Api,
  model: string,
): Promise<{ wait_detail: string; wait_budgets: readonly unknown[] }> {
  const credential = await readCredential(api.pool, defaultCredentialId);
  return { wait_detail: detailOf(credential, model), wait_budgets: [] };
}

function detailOf(credential: Awaited<ReturnType<typeof readCredential>>, model: string): string {
  if (credential?.stoppedAt)
    return `the provider refuses the key (${credential.stopReason ?? "refused"}); it is tried again by itself`;
  const refusal = credential?.refusedModels.get(model);
  return refusal === undefined
    ? "it goes on by itself"
    : `the provider refuses model ${model} to the key, last at ${refusal.refusedAt.toISOString()}; it is tried again by itself`;
}
