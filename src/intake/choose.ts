// How a job is to be treated, from whoever said it most closely: the line, then the upload, then the job type, then the queue.
// Urgency and deadline are one choice: a line that names either of them has made it, and the upload's deadline does not come
// back through the other field. Within one place a deadline takes precedence over urgency (domain/lane.ts).
//
// A job that was submitted by itself runs now unless its request says otherwise: whoever sends one job waits for it, whatever the
// defaults for bulks of its type and queue are.
import type { CompiledJobType } from "../domain/compile-job-type.ts";
import type { Urgency } from "../domain/job-type.ts";
import type { Queue } from "../postgres/queues.ts";
import type { Labels } from "./line-schema.ts";

/** What a line, or an upload as a whole, may say. */
export interface Choices {
  readonly urgency?: Urgency | null | undefined;
  readonly deadline?: Date | null | undefined;
  readonly priority?: number | null | undefined;
}

export interface Treatment {
  readonly urgency: Urgency;
  readonly deadlineAt: Date | null;
  readonly priority: number;
}

/** In the middle, so that work can be put before and behind what says nothing. */
const ordinaryPriority = 5;

export interface Defaults {
  readonly upload: Choices;
  readonly jobType: Pick<CompiledJobType, "defaultUrgency" | "priority">;
  readonly queue: Pick<Queue, "defaultUrgency" | "defaultPriority">;
  /** Submitted by itself, not in a bulk. */
  readonly single: boolean;
}

/** The treatment of a job. */
export function chooseTreatment(line: Choices, defaults: Defaults): Treatment {
  const { upload, jobType, queue } = defaults;
  const time = saysWhen(line) ? line : upload;
  return {
    urgency:
      time.urgency ??
      (defaults.single ? "now" : (jobType.defaultUrgency ?? queue.defaultUrgency ?? "whenever")),
    deadlineAt: time.deadline ?? null,
    priority:
      line.priority ?? upload.priority ?? jobType.priority ?? queue.defaultPriority ?? ordinaryPriority,
  };
}

/** Whether an urgency or a deadline is named here. */
export function saysWhen(choices: Choices): boolean {
  return (choices.urgency ?? choices.deadline ?? null) !== null;
}

/** The labels of a job where they are not the bulk's own: both together, the line's value wins. */
export function chooseLabels(line: Labels | null | undefined, bulk: Labels): Labels | null {
  if (line === null || line === undefined || Object.keys(line).length === 0) return null;
  return { ...bulk, ...line };
}
