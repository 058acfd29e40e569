// What waiting work is told of the pauses and stops over it.
import { findModel } from "../domain/models.ts";
import type { WaitReason } from "../domain/job.ts";
import type { OpenFlagRow } from "../postgres/queues.ts";

export interface FlagWait {
  readonly wait_reason: WaitReason;
  readonly wait_detail: string;
}

/** The flag that is named: a stop before every pause, of several the oldest; of those over models only the ones that a line names. */
export function flagWait(flags: readonly OpenFlagRow[], models: readonly string[]): FlagWait | null {
  const named = new Set(models.map((model) => findModel(model)?.id ?? model));
  const over = flags.filter(({ scope, target }) => scope !== "model" || named.has(target));
  const first = over.find(({ kind }) => kind === "stop") ?? over[0];
  if (first === undefined) return null;
  return {
    wait_reason: first.set_by === "breaker" ? "breaker" : first.kind,
    wait_detail: first.reason,
  };
}
