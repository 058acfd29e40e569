// The one place that reads this machine's clocks.
import { performance } from "node:perf_hooks";
import type { Clock } from "../domain/clock.ts";

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
};
