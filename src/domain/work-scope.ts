// What a call belongs to: the names by which flags and budgets find it.

/** The scopes of one piece of work. Ids, but for the job type and the model, which go by name. */
export interface WorkScope {
  tenantId: string;
  queueId: string;
  jobType: string;
  model: string;
  bulkId: string;
}

/** May a call of this scope start now? Answered from memory, in the same tick as the call. */
export type GateVerdict =
  | { open: true }
  | { open: false; why: "pause" | "stop" | "no_permission"; flagId: string | null; reason: string };

export type Gate = (scope: WorkScope) => GateVerdict;
