// What happens to the work while it runs, one thing after the other, each when the one before has been seen to take effect:
//
//   1. its budget binds, and is raised        4. the queue is paused, and resumed
//   2. the provider answers 429 for a while   3. a worker process is killed with calls in flight
//
// A step that finds the work over already says so; that is no fault of the run.
import { setTimeout as delay } from "node:timers/promises";
import { putQueue } from "../../src/cli/commands/queue.ts";
import type { Client } from "../../src/cli/client.ts";
import { callsUnderWay, doneIn, type Picture } from "./progress.ts";
import type { DemoScreen } from "./screen.ts";
import type { SimulatorControl } from "./simulator-control.ts";
import type { RunWatch } from "./watch.ts";

export interface StoryDeps {
  readonly client: Client;
  readonly queue: string;
  readonly screen: DemoScreen;
  readonly watch: RunWatch;
  readonly simulator: SimulatorControl;
  /** Ceiling after it has bound, in dollars. */
  readonly raisedUsd: string;
  /** Kills a worker process at once and answers with its name. */
  readonly killWorker: () => Promise<string>;
  /** Starts another in its place. */
  readonly restartWorker: () => void;
}

/** Shares of the realtime jobs that are done when a step begins. */
const burstAt = 0.1;
const killAt = 0.35;
const pauseAt = 0.65;
/** Realtime jobs of a run in which a worker is killed. */
const killFromJobs = 30;
const burstCalls = 25;
/** It ends after this time at the latest: in a small run one job would otherwise meet all of it. */
const burstMs = 3_000;
/** How long a step is waited for; the run as a whole ends earlier. */
const stepMs = 60_000;
/** How long a state is left as it is, so that a reader sees it. */
const lookMs = 2_000;

/** Names of the steps that were shown. */
export async function tellStory(deps: StoryDeps): Promise<string[]> {
  const shown: string[] = [];
  for (const [name, step] of Object.entries({ budget, burst, kill, pause })) {
    // oxlint-disable-next-line no-await-in-loop -- a story is told in order
    if (await step(deps)) shown.push(name);
    else deps.screen.say(`· ${name}: not shown, there is too little work for it.`);
  }
  return shown;
}

async function budget({ watch, screen, client, queue, raisedUsd }: StoryDeps): Promise<boolean> {
  const bound = await watch.until(({ bulk }) => bulk.wait_reason === "budget", stepMs);
  const ceiling = bound?.queue.budget;
  if (ceiling === null || ceiling === undefined) return false;
  screen.say(
    `! The budget binds: $${ceiling.spent_usd} spent and $${ceiling.held_usd} held of $${ceiling.limit_usd}. Nothing more starts until there is room.`,
  );
  await delay(lookMs);
  await putQueue(client, queue, {
    budget: { limit_usd: raisedUsd, window: "total" },
    reason: "the demo raises it",
  });
  screen.say(`✓ The budget is raised to $${raisedUsd}: waiting work goes on at once.`);
  return true;
}

async function burst({ watch, screen, simulator }: StoryDeps): Promise<boolean> {
  if ((await watch.until((picture) => realtimeShare(picture) >= burstAt, stepMs)) === null) return false;
  await simulator.rateLimit(burstCalls, 1);
  screen.say(
    `! The provider answers 429 to up to ${burstCalls} calls. They are not billed and are tried again, later and slower.`,
  );
  await delay(burstMs);
  await simulator.clearFaults();
  return true;
}

async function kill(deps: StoryDeps): Promise<boolean> {
  const seen = await deps.watch.until(isKillMoment, stepMs);
  if (seen === null) return false;
  // A lost call is booked at several times its real cost: in a small run that would be most of the bill.
  if ((seen.bulk.counts.lane["realtime"] ?? 0) < killFromJobs) return false;
  await killOne(deps, seen);
  return true;
}

async function killOne(
  { watch, screen, killWorker, restartWorker }: StoryDeps,
  seen: Picture,
): Promise<void> {
  const before = seen.bulk.presumed_usd;
  const name = await killWorker();
  screen.say(
    `! ${name} is killed (SIGKILL) while ${callsUnderWay(seen)} calls are under way in all workers.`,
  );
  await delay(lookMs / 2);
  restartWorker();
  screen.say(`✓ Another worker is started in its place.`);
  const booked = await watch.until(({ bulk }) => bulk.presumed_usd !== before, stepMs / 3);
  if (booked !== null)
    screen.say(
      `✓ Its lease has ended: its calls are booked at their worst case, $${booked.bulk.presumed_usd}, and their jobs run again.`,
    );
}

async function pause({ watch, screen, client, queue, simulator }: StoryDeps): Promise<boolean> {
  if ((await watch.until((picture) => realtimeShare(picture) >= pauseAt, stepMs)) === null) return false;
  await client.request("POST", `/v1/queues/${queue}/pause`, { body: { reason: "demonstration" } });
  screen.say(
    `! The queue is paused (the same flag as Bull Board's button). What is under way ends, nothing new starts.`,
  );
  await watch.until((picture) => callsUnderWay(picture) === 0, stepMs / 6);
  await simulator.newCalls();
  await delay(lookMs);
  const calls = await simulator.newCalls();
  await client.request("POST", `/v1/queues/${queue}/resume`, {});
  screen.say(`✓ Resumed. The provider saw ${calls} new calls in ${lookMs / 1_000} s of pause.`);
  return true;
}

const isKillMoment = (picture: Picture): boolean =>
  realtimeShare(picture) >= killAt && callsUnderWay(picture) > 0;

function realtimeShare(picture: Picture): number {
  const total = picture.bulk.counts.lane["realtime"] ?? 0;
  return total === 0 ? 1 : doneIn(picture, "realtime") / total;
}
