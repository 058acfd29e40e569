// The states of a job and the moves between them.
//
//   queued ─▶ dispatched ─▶ running ─▶ succeeded | refused | truncated | invalid_output | rejected | failed | canceled | expired
//     ▲            │           │  └──▶ awaiting_approval ─▶ succeeded | rejected | canceled | expired
//     └────────────┴───────────┘  requeued: retry, lost worker, expired or cancelled line, stop
//   queued and dispatched ─▶ canceled | expired | rejected | failed | succeeded (cached or static)
//   queued ─▶ awaiting_approval ─▶ queued (large spend)
//
// What must hold: a job has exactly one final state and never leaves it. The database guards each move
// by naming that state in its WHERE; the statements and this table have to agree.

export const finalStates = [
  "succeeded",
  "refused",
  "truncated",
  "invalid_output",
  "rejected",
  "failed",
  "expired",
  "canceled",
] as const;
export const openStates = ["queued", "dispatched", "running", "awaiting_approval"] as const;

/** How a job ended. A failure also says whose fault it was, see {@link Fault}. */
export type FinalState = (typeof finalStates)[number];
export type OpenState = (typeof openStates)[number];
export type JobState = OpenState | FinalState;

/** The one thing that a waiting job waits for. */
export const waitReasons = [
  "budget",
  "rate",
  "concurrency",
  "pause",
  "stop",
  "approval",
  "batch",
  "fairness",
  "breaker",
  "schedule",
  "credential",
  "backlog",
] as const;
export type WaitReason = (typeof waitReasons)[number];

export const faults = ["caller", "provider", "sluice", "policy"] as const;
/** Whose fault a failure is: the caller's input, the provider, Sluice itself, or a rule that somebody set. */
export type Fault = (typeof faults)[number];

export const lanes = ["realtime", "batch"] as const;
export type Lane = (typeof lanes)[number];

const early: readonly FinalState[] = ["canceled", "expired", "rejected", "failed", "succeeded"];
const moves: Record<JobState, readonly JobState[]> = {
  queued: ["dispatched", "awaiting_approval", ...early],
  dispatched: ["queued", "running", ...early],
  running: ["queued", "awaiting_approval", ...finalStates],
  awaiting_approval: ["queued", "succeeded", "rejected", "canceled", "expired"],
  succeeded: [],
  refused: [],
  truncated: [],
  invalid_output: [],
  rejected: [],
  failed: [],
  expired: [],
  canceled: [],
};

/** Whether a job may go from one state to another. */
export function mayMove(from: JobState, to: JobState): boolean {
  return moves[from].includes(to);
}

/** Whether the state is an outcome: nothing follows it. */
export function isFinal(state: JobState): state is FinalState {
  return moves[state].length === 0;
}
