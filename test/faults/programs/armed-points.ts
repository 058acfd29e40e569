// Stands in for `reach` in the edition of the program that is tortured (../edition.ts puts it beside the list of points).
//
// The plan says at which point, on which time it is reached there, the process is killed or frozen, at once or some milliseconds
// later. Each blow is written down first, with O_APPEND, so that it is known even of a process that had no other last word; so is
// the first time that each point is reached.

import { appendFileSync } from "node:fs";

interface PlannedBlow {
  readonly point: string;
  /** On the n-th time, counted from 1. */
  readonly nth: number;
  readonly blow: "kill" | "freeze";
  readonly afterMs: number;
}

/** What this process was told; read when it comes by the first point, for it may be loaded before it is told anything. */
interface Told {
  readonly plan: readonly PlannedBlow[];
  readonly reportFile: string | undefined;
}
let told: Told | undefined;

/* oxlint-disable node/no-process-env -- nothing else of this process may know of the plan */
const read = (): Told => ({
  plan: JSON.parse(process.env["TORTURE_PLAN"] ?? "[]") as readonly PlannedBlow[],
  reportFile: process.env["TORTURE_REPORT"],
});
/* oxlint-enable node/no-process-env */

const reached = new Map<string, number>();

export function reach(point: string): void {
  told ??= read();
  const count = (reached.get(point) ?? 0) + 1;
  reached.set(point, count);
  if (count === 1) report({ point, blow: null });
  for (const planned of told.plan)
    if (planned.point === point && planned.nth === count) {
      if (planned.afterMs === 0) strike(planned);
      else setTimeout(() => strike(planned), planned.afterMs);
    }
}

function strike({ point, blow }: PlannedBlow): void {
  report({ point, blow });
  process.kill(process.pid, blow === "kill" ? "SIGKILL" : "SIGSTOP");
}

function report(line: { point: string; blow: string | null }): void {
  if (told?.reportFile === undefined) return;
  appendFileSync(told.reportFile, `${JSON.stringify({ ...line, pid: process.pid, atMs: Date.now() })}\n`);
}
