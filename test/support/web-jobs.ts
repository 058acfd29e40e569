// Jobs that search the web, and the script by which the simulator pauses them.
import { join } from "node:path";
import type { Simulator } from "../../src/simulator/server.ts";

/** Where the type `web-answer` is. */
export const webJobsDir = join(import.meta.dirname, "jobs");

/** Inputs whose calls a marker tells apart in the simulator's log. */
export const webQuestions = (count: number, word: string): Record<string, unknown>[] =>
  Array.from({ length: count }, (_, n) => ({ question: `Who won match ${n}? sim-marker:${word}-${n}` }));

/** The next `times` answers to requests with this text in them pause. */
export function pauseAnswers(simulator: Simulator, contains: string, times: number): void {
  simulator.addFault({ action: "pause_turn", match: { contains }, times });
}

/** How many searches the provider has billed. */
export function searchesBilled({ world }: Simulator): number {
  const { items } = world.invoice.items(0, 1_000_000);
  const shown = items as unknown as { usage?: { web_search_requests?: number } }[];
  return shown.reduce((sum, item) => sum + (item.usage?.web_search_requests ?? 0), 0);
}
