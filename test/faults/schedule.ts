// What happens in a run: a pure function of its seed. Who runs, what is submitted under which ceilings, three to ten faults, and in
// every third a stop.
//
// The first faults are blows at the points whose turn it is, so that every point is struck as often as any other over a range of
// seeds; some points are only come by when something else goes wrong first, and then that is part of it (ways.ts). The provider's
// misdeeds, the stores' deaths and the stops take turns as well. The others are drawn.

import type { Point } from "../../src/observe/points.ts";
import { points } from "../../src/observe/points.ts";
import { drawFault, postgresFaultOf, providerFaultOf, redisFaultOf, stopOf } from "./drawn.ts";
import { queueNames } from "./plan.ts";
import type { PlannedBulk, PlannedProcess, ProcessName, QueueName, Schedule } from "./plan.ts";
import { randomOf } from "./random.ts";
import type { Random } from "./random.ts";
import { blowAt, roleOf, uploadsFromMs, waysTo } from "./ways.ts";

const pointNames = Object.keys(points) as [Point, ...Point[]];
/**
 * Whose turn it is. Twice as often: a cancellation, come by only where its batch holds nobody else's lines, and what the reaper has
 * booked, where a worker has to be lost with its calls.
 */
const turns: readonly Point[] = [...pointNames, "batch.cancel_answered", "reaper.booked"];

export function scheduleOf(seed: number): Schedule {
  const random = randomOf(seed);
  const struck = pointsOf(seed, random);
  const ways = struck.map((point) => waysTo(point, random));
  const processes = drawProcesses(random, { struck, doubled: ways.some((way) => way.doubled) });
  const names = processes.map(({ name }) => name);
  const canceled = ways.some((way) => way.cancels) || random.chance(0.1);
  const uploads = ways.some((way) => way.uploads);
  const lateMs = ways.map((way) => way.lateMs).filter((ms) => ms !== null);
  const bulks = [
    ...drawBulks(random, { canceled, laterFromMs: uploads ? uploadsFromMs : 200 }),
    ...lateMs.map((atMs) => lateBulk(atMs, random)),
  ];
  const blows = struck.map((point) =>
    blowAt(point, { processes: namesWith(processes, roleOf(point)), bulks }, random),
  );
  const prepared = ways.flatMap((way) => way.faults());
  const stores = [...redisFaultOf(seed, random), ...postgresFaultOf(seed, random)];
  const certain = [...blows, ...prepared, providerFaultOf(seed, random), ...stores];
  const missing = (faults: number): number => Math.max(0, faults - certain.length);
  const drawn = Array.from({ length: random.int(missing(3), missing(4)) }, () => drawFault(names, random));
  const slow = canceled || uploads || lateMs.length > 0 || stores.length > 0;
  return {
    seed,
    processes,
    bulks,
    ceilings: drawCeilings(random),
    raiseAtMs: random.int(2_000, 2_900),
    provider: drawProvider(random, slow),
    faults: [...certain, ...drawn],
    stop: stopOf(seed, names, random),
  };
}

/** Two points, or three: walks of different strides over the same list, so that each meets many others. */
function pointsOf(seed: number, random: Random): Point[] {
  const round = Math.floor(seed / turns.length);
  const walks = [seed, seed * 13 + round, seed * 17 + 5 * round + 11].slice(0, random.chance(0.3) ? 3 : 2);
  return [...new Set(walks.map((at) => turns[at % turns.length] ?? pointNames[0]))];
}

/** Three processes as a rule; whoever is struck often has a twin, so that others go on meanwhile. */
function drawProcesses(
  random: Random,
  { struck, doubled }: { struck: readonly Point[]; doubled: boolean },
): PlannedProcess[] {
  const roles = new Set(struck.map((point) => roleOf(point)));
  const standby = random.chance(0.5) ? ",dispatcher" : "";
  const processes: PlannedProcess[] = [
    { name: "api", roles: "api" },
    { name: "work", roles: "dispatcher,worker" },
    { name: "batch", roles: `batcher${standby}` },
  ];
  if (doubled || (roles.has("worker") && random.chance(0.8)))
    processes.push({ name: "work-2", roles: "worker" });
  if (roles.has("batcher") && random.chance(0.6)) processes.push({ name: "batch-2", roles: "batcher" });
  return processes;
}

const namesWith = (processes: readonly PlannedProcess[], role: string): ProcessName[] =>
  processes.filter(({ roles }) => roles.split(",").includes(role)).map(({ name }) => name);

/** 60 to 200 lines over both lanes and all queues; the first bulk of each lane comes at once, the others while those run. */
function drawBulks(
  random: Random,
  { canceled, laterFromMs }: { canceled: boolean; laterFromMs: number },
): PlannedBulk[] {
  const count = random.int(4, 6);
  const bulks = Array.from({ length: count }, (_, at): PlannedBulk => ({
    atMs: at < 2 ? 0 : random.int(laterFromMs, 1_600),
    queue: queueNames[at % queueNames.length] ?? "alpha/main",
    urgency: at % 2 === 0 ? "now" : "whenever",
    lines: random.int(14, 34),
    canceled: false,
  }));
  return canceled
    ? [...bulks, { atMs: 100, queue: "beta/main", urgency: "whenever", lines: 21, canceled }]
    : bulks;
}

/** Lines that are under way when what comes late is come by; in a queue with room. */
const lateBulk = (atMs: number, random: Random): PlannedBulk => ({
  atMs: atMs + random.int(0, 300),
  queue: "alpha/main",
  urgency: "whenever",
  lines: 18,
  canceled: false,
});

function drawCeilings(random: Random): Record<QueueName, number> {
  return {
    // Room for all, for what is held and for what is presumed.
    "alpha/main": 3,
    // Not enough for what it would really cost: it binds until it is lifted.
    "alpha/tight": 0.06 + random.unit() * 0.1,
    // Enough in the end, and never for all at once.
    "beta/main": random.chance(0.5) ? 0.4 + random.unit() * 0.3 : 3,
  };
}

/** `slow`: message batches take so long that something can happen to them meanwhile. */
function drawProvider(random: Random, slow: boolean): Schedule["provider"] {
  const least = random.int(100, 400);
  return {
    latencyMs: random.chance(0.3) ? { min: 100, max: 400 } : { min: 10, max: 120 },
    batchDurationMs: slow ? { min: 1_000, max: 1_500 } : { min: least, max: least + random.int(0, 600) },
    createHiddenMs: random.chance(0.25) ? random.int(100, 800) : 0,
    // With the longest freeze it stays within the visibility that the product counts on.
    listLagMs: random.chance(0.5) ? random.int(100, 600) : 0,
    resultsLagMs: random.chance(0.15) ? random.int(100, 500) : 0,
  };
}
