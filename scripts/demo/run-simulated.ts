// The demonstration: everything on this machine, nothing that costs money. A fresh data directory, the stores in it, the simulated
// API, one process with API, dispatcher and batcher, and two workers, one of which is killed on the way.
//
// Without a Redis exactly one process may call the provider, so then there is one worker, which also runs the batch lane.
import { join } from "node:path";
import { submitFile } from "../../src/cli/commands/bulk.ts";
import { putQueue } from "../../src/cli/commands/queue.ts";
import { type Child, type Children, createChildren, plainEnvironment } from "./children.ts";
import { type Bill, checksOf, closingOf, closingText } from "./closing.ts";
import { ceilingUsd, worstCost } from "./estimate.ts";
import { untilInterrupted } from "./interrupt.ts";
import { settledRequestIds } from "./ledger.ts";
import type { DemoOptions } from "./options.ts";
import { writeResults } from "./results.ts";
import { createScreen, type DemoScreen } from "./screen.ts";
import { controlSimulator, type SimulatorControl } from "./simulator-control.ts";
import { choosePort, hasRedis, makeRunDir, removeRunDir, startApi, stopStores } from "./stage.ts";
import { tellStory } from "./story.ts";
import { watchRun } from "./watch.ts";
import { prepareWork, uploadText, type Work } from "./work.ts";

const jobsDefault = 2_000;
const queue = "tickets";
/** The fake key of the simulated API. */
const fakeKey = "simulated";
/** Realtime answers take 0.6 to 1.8 s, as the real ones do; so many seconds of them are wanted, whatever the number of jobs. */
const latencyMs = { min: 600, max: 1_800 };
const realtimeSeconds = 18;
const batchDurationMs = { min: 4_000, max: 15_000 };
const batchesWanted = 12;

/** Runs the demonstration; the exit code. */
export async function runSimulated(options: DemoOptions): Promise<number> {
  const work = await prepareWork(options, options.count ?? jobsDefault);
  const dataDir = await makeRunDir();
  const children = createChildren(join(dataDir, "logs"));
  const screen = createScreen(process.stdout);
  try {
    return await untilInterrupted(() => play({ options, work, dataDir, children, screen }), screen);
  } finally {
    await children.end();
    if (options.keep) await stopStores(dataDir);
    else await removeRunDir(dataDir);
  }
}

interface Run {
  readonly options: DemoOptions;
  readonly work: Work;
  readonly dataDir: string;
  readonly children: Children;
  readonly screen: DemoScreen;
}

async function play(run: Run): Promise<number> {
  const { options, work, dataDir, children, screen } = run;
  screen.say("Sluice demonstration · SIMULATED: no real model is called, nothing costs money. Starting …");
  const redis = await hasRedis();
  const { url } = await children.startSimulator(simulatorArguments());
  const simulator = controlSimulator(url);
  const settings = await environmentFor(run, url, redis);
  const api = await startApi(children, {
    ...settings,
    SLUICE_ROLES: redis ? "api,dispatcher,batcher" : "api,dispatcher",
  });
  banner(run, { api: api.url, key: api.keys.installation, simulator: url, redis });

  const worst = await worstCost(options.type, work);
  // A third of the worst case: room for the first message batches, not for all.
  const limitUsd = ceilingUsd(worst / 3n);
  await putQueue(api.client, queue, {
    owner: "demo",
    budget: { limit_usd: limitUsd, window: "total" },
    reason: "a run of the demo",
  });
  const content = uploadText(work);
  const bulk = await submitFile(api.client, { content, gzip: false }, { queue, type: options.type });
  screen.say(
    `✓ ${bulk.accepted} jobs accepted as one bulk, ${bulk.id}. The queue's ceiling is $${limitUsd}.`,
  );

  const workers = startWorkers(children, settings, redis);
  const watch = watchRun(api.client, { bulkId: bulk.id, queue }, screen);
  const raisedUsd = ceilingUsd(worst * 4n);
  const story = tellStory({ client: api.client, queue, screen, watch, simulator, raisedUsd, ...workers });
  const [last] = await Promise.race([Promise.all([watch.finished, story]), api.process.died, workers.died]);
  screen.finish();

  const results = await writeResults(api.client, bulk.id, { file: options.output, provider: "SIMULATED" });
  const ending = { bulk: last.bulk, bill: await billOf(simulator, dataDir), wallMs: performance.now() };
  const checks = checksOf(ending, results);
  screen.say(`\n${closingText(ending)}\n`);
  for (const { what, ok } of checks) screen.say(`${ok ? "✓" : "✗"} ${what}`);
  screen.say(`\nResults: ${options.output} (SIMULATED on every line)`);
  if (options.keep)
    screen.say(`Left up: ${api.url}/admin/queues, data in ${dataDir}. Ctrl-C ends it and leaves the data.`);
  process.stdout.write(`${JSON.stringify(closingOf(ending))}\n`);
  if (options.keep) await Promise.race([forever(), api.process.died, workers.died]);
  return checks.every(({ ok }) => ok) ? 0 : 1;
}

async function billOf(simulator: SimulatorControl, dataDir: string): Promise<Bill> {
  const { calls, nano } = await simulator.unheard(await settledRequestIds(dataDir));
  return { invoiceNano: await simulator.invoiceNano(), unheardCalls: calls, unheardNano: nano };
}

const range = ({ min, max }: { min: number; max: number }): string => `${min}-${max}`;

const simulatorArguments = (): string[] => [
  "--port=0",
  "--profile=fast",
  "--seed=7",
  `--latency=${range(latencyMs)}`,
  `--batch-duration=${range(batchDurationMs)}`,
];

/** Quick leases and polls: what takes minutes in service should be seen within the minute of a demonstration. */
async function environmentFor(
  { work, dataDir }: Run,
  providerUrl: string,
  redis: boolean,
): Promise<NodeJS.ProcessEnv> {
  const realtime = work.lines.filter(({ urgency }) => urgency === "now").length;
  const batch = work.lines.length - realtime;
  const meanLatencyS = (latencyMs.min + latencyMs.max) / 2_000;
  const callsAtOnce = Math.ceil((realtime * meanLatencyS) / realtimeSeconds);
  return {
    ...plainEnvironment(),
    SLUICE_DATA_DIR: dataDir,
    SLUICE_QUEUE: redis ? "redis" : "postgres",
    SLUICE_PORT: String(await choosePort()),
    SLUICE_PROVIDER_URL: providerUrl,
    ANTHROPIC_API_KEY: fakeKey,
    SLUICE_CONCURRENCY: String(clamp(Math.ceil(callsAtOnce / (redis ? 2 : 1)), 2, 200)),
    SLUICE_REQUESTS_PER_MINUTE: "30000",
    SLUICE_PROCESS_LEASE_MS: "3000",
    SLUICE_PERMISSION_MS: "1500",
    SLUICE_DISPATCH_LEASE_MS: "6000",
    SLUICE_RETRY_BASE_MS: "300",
    SLUICE_RETRY_CAP_MS: "3000",
    SLUICE_BATCH_LINES_MAX: String(clamp(Math.ceil(batch / batchesWanted), 10, 10_000)),
    SLUICE_BATCH_LINGER_MS: "500",
    SLUICE_POLL_MIN_MS: "500",
    SLUICE_POLL_MAX_MS: "1000",
    SLUICE_DRAIN_TIMEOUT_MS: "3000",
  };
}

const clamp = (value: number, min: number, max: number): number => Math.min(max, Math.max(min, value));

/** The workers, and how one of them is killed and replaced. */
function startWorkers(children: Children, settings: NodeJS.ProcessEnv, redis: boolean) {
  const roles = redis ? "worker" : "worker,batcher";
  let count = 0;
  const startOne = (): Child => {
    count += 1;
    return children.startService(`worker-${count}`, { ...settings, SLUICE_ROLES: roles });
  };
  const victim = startOne();
  const others = redis ? [startOne()] : [];
  return {
    died: Promise.race([victim, ...others].map((worker) => worker.died)),
    killWorker: async () => {
      await victim.kill();
      return victim.name;
    },
    restartWorker: () => void startOne(),
  };
}

function banner(
  { work, screen }: Run,
  at: { api: string; key: string; simulator: string; redis: boolean },
): void {
  const queueIn = at.redis
    ? "Redis (a redis-server of this machine, started for the run)"
    : "PostgreSQL, because SLUICE_QUEUE says so or there is no redis-server or valkey-server on the PATH";
  const ignored = ["DATABASE_URL", "REDIS_URL"].filter((name) => (process.env[name] ?? "") !== "");
  const lines = [
    `Bull Board  ${at.api}/admin/queues`,
    `  sign in with this key: ${at.key}`,
    "",
    `SIMULATED   the Anthropic API is a simulator at ${at.simulator}`,
    `API         ${at.api} (description: ${at.api}/openapi.json)`,
    `Stores      embedded PostgreSQL; the queue is in ${queueIn}`,
    ...(ignored.length === 0
      ? []
      : [`            ${ignored.join(" and ")} left alone: the run has stores of its own`]),
    `Processes   ${at.redis ? "API with dispatcher and batcher, two workers" : "API with dispatcher, one worker with batcher"}`,
    `Work        ${work.notes.join("; ")}`,
    "",
  ];
  for (const line of lines) screen.say(line);
}

const forever = (): Promise<never> =>
  new Promise(() => {
    // Without a timer Node would end as soon as nothing else is under way.
    setInterval(() => undefined, 3_600_000);
  });
