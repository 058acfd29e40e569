// What an alert says: how grave it is, one sentence of what happened, one of what to do next. The facts are figures and names from
// its row; nothing here has ever seen the content of a job.
//
// Severity is for whoever routes alerts: `info` can wait for the morning, `warning` wants a look today, `critical` means that work
// has stopped or that money went where no hold was.
import { formatUsd } from "./money.ts";

export const alertKinds = [
  "budget_spent",
  "budget_committed",
  "overrun",
  "credential_stopped",
  "model_refused",
  "breaker_tripped",
  "paid_twice",
  "batch_missing",
  "results_lost",
  "count_off",
  "test",
] as const;
export type AlertKind = (typeof alertKinds)[number];

export const alertStates = ["pending", "delivered", "failed", "logged"] as const;
/** failed: given up after the last try. logged: no webhook was configured, the log line is all that left. */
export type AlertState = (typeof alertStates)[number];

export const alertScopes = [
  "global",
  "tenant",
  "queue",
  "job_type",
  "label",
  "bulk",
  "credential",
  "model",
  "message_batch",
] as const;
export type AlertScope = (typeof alertScopes)[number];

export const severities = ["info", "warning", "critical"] as const;
export type Severity = (typeof severities)[number];

/** The money of an alert about a budget, in nano-dollars, as it was when it was raised. */
export interface AlertBudget {
  readonly limitNano: bigint;
  readonly spentNano: bigint;
  readonly heldNano: bigint;
  readonly windowStartsAt: Date;
  readonly windowEndsAt: Date;
}

export interface AlertFacts {
  readonly kind: AlertKind;
  readonly scope: AlertScope;
  /** Name of what it is about; an id where it has none. */
  readonly targetName: string;
  /** For budget_spent: the share of the limit that was reached. */
  readonly percent: number | null;
  /** The figures of a breaker or an overrun, the outcome that stopped a credential. */
  readonly reason: string;
  readonly budget: AlertBudget | null;
}

interface Wording {
  readonly severity: (facts: Pick<AlertFacts, "percent">) => Severity;
  /** What happened, in one sentence. */
  readonly title: (facts: AlertFacts) => string;
  /** What its owner can do, in one sentence or two that fit a line of the log. */
  readonly nextStep: (facts: AlertFacts) => string;
}

const wordings: Record<AlertKind, Wording> = {
  budget_spent: {
    severity: ({ percent }) => (percent === 100 ? "critical" : percent === 50 ? "info" : "warning"),
    title: (facts) =>
      `The budget of ${nameOf(facts)} has spent ${facts.percent ?? 0} % of ${limitText(facts)}.`,
    nextStep: ({ percent }) =>
      percent === 100
        ? "Nothing new starts until the next window. Raise the limit if the work is worth it."
        : "Nothing is stopped. Raise the limit if work should go on beyond it, or let it bind.",
  },
  budget_committed: {
    severity: () => "warning",
    title: (facts) =>
      `The budget of ${nameOf(facts)} is full: what is spent and held leaves no room under ${limitText(facts)}.`,
    nextStep: () =>
      "New work waits until holds settle or the next window begins. Raise the limit if it should not wait.",
  },
  overrun: {
    severity: () => "critical",
    title: (facts) => `Calls of ${nameOf(facts)} cost more than was held for them: ${facts.reason}.`,
    nextStep: (facts) =>
      `It is paused. Compare usage and bound of the job, correct its job type or the price; then a person lifts it: ${resumeText(facts)}`,
  },
  credential_stopped: {
    severity: () => "critical",
    title: (facts) => `The provider refuses ${nameOf(facts)} (${facts.reason}).`,
    nextStep: () =>
      "Nothing fails, all work waits. Renew the key, the credit or the spend limit; it goes on with the next probe.",
  },
  model_refused: {
    severity: () => "critical",
    title: (facts) => `The provider refuses ${nameOf(facts)} to ${facts.reason}.`,
    nextStep: () =>
      "Its work waits, all other work goes on. Allow the model to the key; it goes on with the next probe, or once a person lifts it.",
  },
  breaker_tripped: {
    severity: () => "critical",
    title: (facts) => `The breaker has paused ${nameOf(facts)}: ${facts.reason}.`,
    nextStep: (facts) => `Look at what runs there. A person lifts the pause: ${resumeText(facts)}`,
  },
  paid_twice: {
    severity: () => "critical",
    title: (facts) => `Lines of ${nameOf(facts)} were paid in another batch as well: ${facts.reason}.`,
    nextStep: () =>
      "The loss is booked inside the ceiling. Ask the provider for the amount, with the ids of the batch.",
  },
  batch_missing: {
    severity: () => "warning",
    title: (facts) => `The provider does not know ${nameOf(facts)} any more.`,
    nextStep: () => "It is still polled and its money stays held. Ask the provider what became of the batch.",
  },
  results_lost: {
    severity: () => "critical",
    title: (facts) => `The results of ${nameOf(facts)} can never be fetched: ${facts.reason}.`,
    nextStep: () =>
      "Its open lines are booked at their worst case and go on by their policy. Compare with the provider's bill: sluice reconcile.",
  },
  count_off: {
    severity: () => "warning",
    title: (facts) => `The provider's counts are no bound any more for ${facts.reason}.`,
    nextStep: () =>
      "Holds are by bytes again, so less fits under a ceiling. Look at the bill; then sluice bound trust MODEL begins anew, with a wider margin.",
  },
  test: {
    severity: () => "info",
    title: () => "This is a test of the alert path.",
    nextStep: () => "Nothing to do, if it has reached you where alerts are to arrive.",
  },
};

export const severityOf = (facts: Pick<AlertFacts, "kind" | "percent">): Severity =>
  wordings[facts.kind].severity(facts);
export const titleOf = (facts: AlertFacts): string => wordings[facts.kind].title(facts);
export const nextStepOf = (facts: AlertFacts): string => wordings[facts.kind].nextStep(facts);

function nameOf({ scope, targetName }: AlertFacts): string {
  return scope === "global" ? "the installation" : `${scope.replace("_", " ")} ${targetName}`;
}

const limitText = ({ budget }: AlertFacts): string =>
  budget === null ? "its limit" : `$${formatUsd(budget.limitNano)}`;

function resumeText({ scope, targetName }: AlertFacts): string {
  return scope === "tenant" ? `sluice tenant resume ${targetName}` : `sluice resume ${targetName}`;
}

export interface AlertRetries {
  readonly baseMs: number;
  readonly capMs: number;
}

/**
 * Milliseconds between the try number `tries` that failed (the first is 1) and the next: doubled each time up to the cap, and up to a
 * quarter longer by chance, so that many alerts that failed together do not come back together. `random` is a draw from [0, 1).
 */
export function alertPauseMs({ baseMs, capMs }: AlertRetries, tries: number, random: number): number {
  const pauseMs = Math.min(capMs, baseMs * 2 ** Math.min(Math.max(tries, 1) - 1, 30));
  return Math.floor(pauseMs * (1 + random / 4));
}

export interface AlertPath {
  /** Tries that failed since the last that succeeded, over all alerts. */
  readonly failuresInRow: number;
  readonly oldestPendingAt: Date | null;
}

/** Whether alerts leave: not, when several tries in a row failed or one has waited too long (nobody sends at all, perhaps). */
export function alertPathWorks(
  { failuresInRow, oldestPendingAt }: AlertPath,
  now: Date,
  bounds: { failuresMax: number; waitMaxMs: number },
): boolean {
  if (failuresInRow >= bounds.failuresMax) return false;
  return oldestPendingAt === null || now.getTime() - oldestPendingAt.getTime() < bounds.waitMaxMs;
}
