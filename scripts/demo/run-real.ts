// The same few lines of work at the real Anthropic API, under a ceiling. Nothing is sent before somebody has agreed: on a terminal
// by answering, elsewhere by --yes. A key in the environment alone never leads here.
//
// Message batches take minutes or hours, so a run can be left with Ctrl-C and taken up again by the same command. What must be
// remembered is one small file in the data directory, written before anything is submitted: its Idempotency-Key makes a run that
// died between submitting and writing the same bulk, not a second one.
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { z } from "zod";
import { submitFile } from "../../src/cli/commands/bulk.ts";
import { putQueue } from "../../src/cli/commands/queue.ts";
import { newId } from "../../src/config/ids.ts";
import { formatUsd, parseUsd } from "../../src/domain/money.ts";
import { createChildren, plainEnvironment, type Children } from "./children.ts";
import { checksOf, closingOf, closingText } from "./closing.ts";
import { worstCost } from "./estimate.ts";
import { interruptedCode, untilInterrupted } from "./interrupt.ts";
import type { DemoOptions } from "./options.ts";
import { writeResults } from "./results.ts";
import { createScreen, type DemoScreen } from "./screen.ts";
import { choosePort, startApi, stopStores, type Api } from "./stage.ts";
import { watchRun } from "./watch.ts";
import { prepareWork, uploadText } from "./work.ts";

const jobsDefault = 20;
const maxUsdDefault = "0.50";
const againText = "npm run demo -- --real";

/** What has to survive the process. */
const runState = z.object({
  queue: z.string(),
  idempotencyKey: z.string(),
  type: z.string(),
  maxUsd: z.string(),
  /** The upload, so that it can be sent again byte for byte. */
  upload: z.string(),
});
type RunState = z.infer<typeof runState>;

/** Runs or takes up a real run; the exit code. */
export async function runReal(options: DemoOptions): Promise<number> {
  const apiKey = process.env["ANTHROPIC_API_KEY"] ?? "";
  if (apiKey === "") {
    process.stderr.write(
      "error: ANTHROPIC_API_KEY is not set. Without --real the demonstration needs none.\n",
    );
    return 2;
  }
  const dataDir = resolve(process.env["SLUICE_DATA_DIR"] ?? "./.sluice", "demo-real");
  await mkdir(dataDir, { recursive: true, mode: 0o755 });
  const screen = createScreen(process.stdout);
  const state = await decide(options, dataDir, screen);
  if (state === null) return 2;
  await writeState(dataDir, state);

  const children = createChildren(join(dataDir, "logs"));
  try {
    const code = await untilInterrupted(
      () => play({ options, state, dataDir, children, screen, apiKey }),
      screen,
    );
    if (code === interruptedCode)
      process.stderr.write(
        `Left; message batches go on at the provider. Take it up again with: ${againText}\n`,
      );
    return code;
  } finally {
    await children.end();
    await stopStores(dataDir);
  }
}

/** What is to run, with somebody's agreement to its ceiling; null if nobody agrees. An unfinished run goes before a new one. */
async function decide(options: DemoOptions, dataDir: string, screen: DemoScreen): Promise<RunState | null> {
  const before = await readState(dataDir);
  if (before === null) {
    const { state, worstNano } = await newState(options, screen);
    const worst = ` (the worst case of one attempt each is $${formatUsd(worstNano)})`;
    return (await agreed(options, `${moneyText(state.maxUsd)}${worst}.`)) ? state : null;
  }
  screen.say(`An unfinished run was found in ${dataDir}; it is taken up again.`);
  // The same ceiling was agreed to before; another one is a new question.
  const maxUsd = options.maxUsd ?? before.maxUsd;
  if (parseUsd(maxUsd) === parseUsd(before.maxUsd)) return before;
  return (await agreed(options, `${moneyText(maxUsd)}.`)) ? { ...before, maxUsd } : null;
}

const moneyText = (maxUsd: string): string =>
  `This calls the real Anthropic API and costs money, at most $${maxUsd}`;

interface RealRun {
  readonly options: DemoOptions;
  readonly state: RunState;
  readonly dataDir: string;
  readonly children: Children;
  readonly screen: DemoScreen;
  readonly apiKey: string;
}

async function play(run: RealRun): Promise<number> {
  const { options, state, dataDir, children, screen } = run;
  const environment = await environmentFor(run);
  const api = await startApi(children, environment);
  const provider = new URL(environment["SLUICE_PROVIDER_URL"] ?? "https://api.anthropic.com").host;
  for (const line of [
    `Bull Board  ${api.url}/admin/queues`,
    `  sign in with this key: ${api.keys.installation}`,
    "",
    `REAL        calls go to ${provider} and cost money, at most $${state.maxUsd}`,
    `Data        ${dataDir}`,
    `Ctrl-C leaves the run; the same command takes it up again.`,
    "",
  ])
    screen.say(line);

  const bulkId = await submitOnce(api, state);
  const watch = watchRun(api.client, { bulkId, queue: state.queue }, screen);
  const stuck = ceilingReached(watch);
  const last = await Promise.race([watch.finished, api.process.died, stuck]);
  screen.finish();
  if (last === null) {
    screen.say(
      `The ceiling of $${state.maxUsd} is reached and work is left. Go on with a higher one: ${againText} --max-usd DOLLARS`,
    );
    return 1;
  }
  const results = await writeResults(api.client, bulkId, { file: options.output, provider });
  const ending = { bulk: last.bulk, bill: null, wallMs: performance.now() };
  const withinCeiling = (parseUsd(last.bulk.cost_usd) ?? 0n) <= (parseUsd(state.maxUsd) ?? 0n);
  const checks = [
    ...checksOf(ending, results),
    { what: `the cost is not above the ceiling of $${state.maxUsd}`, ok: withinCeiling },
  ];
  screen.say(`\n${closingText(ending)}\n`);
  for (const { what, ok } of checks) screen.say(`${ok ? "✓" : "✗"} ${what}`);
  screen.say(`\nResults: ${options.output}. The provider's own bill is in its console.`);
  await rm(statePath(dataDir), { force: true });
  process.stdout.write(`${JSON.stringify(closingOf(ending))}\n`);
  return checks.every(({ ok }) => ok) ? 0 : 1;
}

/** The first time this creates the bulk, every further time it is answered with the same one. */
async function submitOnce(api: Api, state: RunState): Promise<string> {
  const { queue, type, idempotencyKey, maxUsd } = state;
  await putQueue(api.client, queue, {
    owner: "demo",
    budget: { limit_usd: maxUsd, window: "total" },
    reason: "a run of the demo",
  });
  const submitted = await submitFile(
    api.client,
    { content: state.upload, gzip: false },
    { queue, type, idempotencyKey },
  );
  return submitted.id;
}

/** Resolves with null when all that is left waits for money and nothing under way could free any. */
async function ceilingReached(watch: ReturnType<typeof watchRun>): Promise<null> {
  let sinceMs: number | null = null;
  const seen = await watch.until(({ bulk, queue }) => {
    const idle = bulk.wait_reason === "budget" && Number(queue.budget?.held_usd ?? 0) === 0;
    sinceMs = idle ? (sinceMs ?? performance.now()) : null;
    return sinceMs !== null && performance.now() - sinceMs > ceilingIdleMs;
  }, Infinity);
  return seen === null ? new Promise<never>(() => undefined) : null;
}

const ceilingIdleMs = 10_000;

async function environmentFor({ dataDir, apiKey }: RealRun): Promise<NodeJS.ProcessEnv> {
  const provider = process.env["SLUICE_PROVIDER_URL"];
  return {
    ...plainEnvironment(),
    SLUICE_DATA_DIR: dataDir,
    SLUICE_PORT: String(await choosePort()),
    ANTHROPIC_API_KEY: apiKey,
    ...(provider === undefined ? {} : { SLUICE_PROVIDER_URL: provider }),
    SLUICE_CONCURRENCY: "4",
    SLUICE_BATCH_LINGER_MS: "500",
  };
}

async function newState(
  options: DemoOptions,
  screen: DemoScreen,
): Promise<{ state: RunState; worstNano: bigint }> {
  const work = await prepareWork(options, options.count ?? jobsDefault);
  screen.say(work.notes.join("; "));
  const state = {
    queue: `real-${newId()}`,
    idempotencyKey: `demo-${newId()}`,
    type: options.type,
    maxUsd: options.maxUsd ?? maxUsdDefault,
    upload: uploadText(work),
  };
  return { state, worstNano: await worstCost(options.type, work) };
}

async function agreed({ yes }: DemoOptions, statement: string): Promise<boolean> {
  if (yes) return true;
  if (!process.stdin.isTTY) {
    process.stderr.write(`${statement}\nNobody can be asked here: add --yes to agree. Nothing was sent.\n`);
    return false;
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(`${statement} Go on? [y/N] `).catch(() => "");
  terminal.close();
  if (/^y(es)?$/i.test(answer.trim())) return true;
  process.stderr.write("Nothing was sent.\n");
  return false;
}

const statePath = (dataDir: string): string => join(dataDir, "run.json");

async function readState(dataDir: string): Promise<RunState | null> {
  const text = await readFile(statePath(dataDir), "utf8").catch(() => null);
  return text === null ? null : runState.parse(JSON.parse(text));
}

async function writeState(dataDir: string, state: RunState): Promise<void> {
  const draft = `${statePath(dataDir)}.new`;
  await writeFile(draft, JSON.stringify(state), { mode: 0o600 });
  await rename(draft, statePath(dataDir));
}
