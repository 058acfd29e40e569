/**
 * npm run simulator -- [--port 4010] [--profile strict|lenient|fast] [--seed N] [--json] …
 * Starts the simulated Anthropic API and stays until SIGTERM or SIGINT. With --json the only line on stdout is
 * {"url","port","profile","seed","pid"} as soon as it listens, for a parent process that spawned it.
 */
import { parseArgs } from "node:util";
import { startSimulator } from "../src/simulator/server.ts";
import type { SimulatorOptions } from "../src/simulator/options.ts";

const usage = `npm run simulator -- [options]
  --port N                 port to listen on (default 4010; 0 takes a free one)
  --host ADDRESS           default 127.0.0.1
  --profile NAME           strict (default), lenient, fast
  --seed N                 default 1
  --latency MIN[-MAX]      milliseconds per call
  --batch-duration MIN[-MAX]  milliseconds from creation to end of a message batch
  --tier NAME              rate limits: start, build, scale, unlimited
  --rpm N --itpm N --otpm N   limits per model pool, over the tier's
  --batch-rpm N --batch-queue N  limits of the batch endpoints
  --bucket-seconds N       capacity of a bucket in seconds of its refill (default 60)
  --counters frozen|moving --list-lag MS --create-hidden MS --results-lag MS
  --cancel-delay MS --cancel-late SHARE
  --upload-rate N          bytes per second at which the body of a create is read (default 0: as fast as it comes)
  --share NAME=SHARE       refusal, truncated, errored, expired, pause_turn; may be repeated
  --key KEY                accept only these keys; may be repeated
  --workspace KEY=NAME     workspace of a key; may be repeated
  --start TIME --clock-rate N   the virtual clock
  --json                   print one line of JSON when ready`;

const { values } = parseArgs({
  options: {
    port: { type: "string" },
    host: { type: "string" },
    profile: { type: "string" },
    seed: { type: "string" },
    latency: { type: "string" },
    "batch-duration": { type: "string" },
    tier: { type: "string" },
    rpm: { type: "string" },
    itpm: { type: "string" },
    otpm: { type: "string" },
    "batch-rpm": { type: "string" },
    "batch-queue": { type: "string" },
    "bucket-seconds": { type: "string" },
    counters: { type: "string" },
    "list-lag": { type: "string" },
    "create-hidden": { type: "string" },
    "results-lag": { type: "string" },
    "cancel-delay": { type: "string" },
    "cancel-late": { type: "string" },
    "upload-rate": { type: "string" },
    share: { type: "string", multiple: true },
    key: { type: "string", multiple: true },
    workspace: { type: "string", multiple: true },
    start: { type: "string" },
    "clock-rate": { type: "string" },
    json: { type: "boolean" },
    help: { type: "boolean" },
  },
});

type Name = Exclude<keyof typeof values, "json" | "help" | "share" | "key" | "workspace">;

const fail = (message: string): never => {
  console.error(message);
  return process.exit(2);
};

const number = (name: Name): number | undefined => {
  const text = values[name];
  if (text === undefined) return undefined;
  const value = Number(text);
  return Number.isFinite(value) && value >= 0 ? value : fail(`--${name}: not a number: ${text}`);
};

const range = (name: Name): { min: number; max: number } | undefined => {
  const text = values[name];
  if (text === undefined) return undefined;
  const parts = /^(\d+)(?:-(\d+))?$/.exec(text) ?? fail(`--${name}: give MIN or MIN-MAX in milliseconds`);
  return { min: Number(parts[1]), max: Number(parts[2] ?? parts[1]) };
};

const choice = <Value extends string>(name: Name, allowed: readonly Value[]): Value | undefined => {
  const text = values[name];
  if (text === undefined) return undefined;
  return allowed.find((value) => value === text) ?? fail(`--${name}: one of ${allowed.join(", ")}`);
};

const pairs = (list: readonly string[] | undefined): Record<string, string> =>
  Object.fromEntries(
    (list ?? []).map((entry) => [
      entry.slice(0, entry.lastIndexOf("=")),
      entry.slice(entry.lastIndexOf("=") + 1),
    ]),
  );

type Given<Value> = { [Key in keyof Value]: NonNullable<Value[Key]> };

/** Leaves out what was not said, so that a profile's own value stands. */
const given = <Value extends object>(record: Value): Given<Value> =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- exactly the members that are left
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Given<Value>;

const startOf = (text: string | undefined): number | undefined => {
  const ms = text === undefined ? undefined : Date.parse(text);
  return ms !== undefined && Number.isNaN(ms) ? fail(`--start: not an RFC 3339 time: ${text ?? ""}`) : ms;
};

const optionsOf = (): SimulatorOptions =>
  given({
    port: number("port") ?? 4010,
    host: values.host,
    profile: choice("profile", ["strict", "lenient", "fast"]),
    seed: number("seed"),
    latencyMs: range("latency"),
    batchDurationMs: range("batch-duration"),
    tier: choice("tier", ["start", "build", "scale", "unlimited"]),
    limits: given({
      standard: given({ rpm: number("rpm"), itpm: number("itpm"), otpm: number("otpm") }),
      batchRpm: number("batch-rpm"),
      batchQueueMax: number("batch-queue"),
      bucketSeconds: number("bucket-seconds"),
    }),
    counters: choice("counters", ["frozen", "moving"]),
    listLagMs: number("list-lag"),
    createHiddenMs: number("create-hidden"),
    resultsLagMs: number("results-lag"),
    cancelDelayMs: number("cancel-delay"),
    cancelLateShare: number("cancel-late"),
    uploadBytesPerS: number("upload-rate"),
    shares: Object.fromEntries(
      Object.entries(pairs(values.share)).map(([name, share]) => [name, Number(share)]),
    ),
    keys: values.key,
    workspaces: pairs(values.workspace),
    startMs: startOf(values.start),
    clockRate: number("clock-rate"),
  });

if (values.help === true) {
  console.log(usage);
  process.exit(0);
}

const options = optionsOf();
const simulator = await startSimulator(options);
const { profile, seed } = simulator.world.settings;
if (values.json === true) {
  console.log(JSON.stringify({ url: simulator.url, port: simulator.port, profile, seed, pid: process.pid }));
} else {
  console.log(
    `Simulated Anthropic API at ${simulator.url} (profile ${profile}, seed ${seed}). Nothing here costs money.`,
  );
  console.log(
    `Any key will do. Control: ${simulator.url}/_sim/invoice, requests, faults, clock, limits, behaviour. Ctrl-C ends it.`,
  );
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => {
    void simulator.close().then(() => process.exit(0));
  });
}
