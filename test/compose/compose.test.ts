// The containers: that the file says what the service needs, and that exactly these processes, without Docker, do the work.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { readBulk } from "../../src/cli/bulk-status.ts";
import { createClient } from "../../src/cli/client.ts";
import { submitFile } from "../../src/cli/commands/bulk.ts";
import { parseConfig, settings } from "../../src/config/config.ts";
import { roles } from "../../src/config/settings.ts";
import { intents } from "../../samples/phrases.ts";
import { sampleTickets } from "../../samples/tickets.ts";
import { openInstallation } from "../support/installation.ts";
import { startProcess, type SluiceProcess } from "../support/processes.ts";
import { waitFor } from "../support/wait.ts";
import { type ComposeService, readComposeFile, root, variablesOf } from "./compose-file.ts";

const { services, volumes } = readComposeFile();
const serviceOf = (name: string): ComposeService => {
  const found = services[name];
  if (found === undefined) throw new Error(`docker-compose.yml has no service ${name}`);
  return found;
};
/** Those that run the product. */
const own = Object.entries(services).filter(([, { image }]) => image === "sluice");
const longRunning = own.filter(([name]) => name !== "migrate");

test("it has Redis, Postgres, migrate, api, two workers, batcher, and the simulator only on request", () => {
  expect(Object.keys(services).toSorted()).toEqual([
    "api",
    "batcher",
    "migrate",
    "postgres",
    "redis",
    "simulator",
    "worker",
  ]);
  expect(serviceOf("worker").deploy.replicas).toBe(2);
  const profiles = Object.entries(services).filter(([, service]) => service.profiles.length > 0);
  expect(profiles.map(([name, service]) => [name, service.profiles])).toEqual([["simulator", ["simulator"]]]);
});

test("Redis writes down every entry and never evicts one", () => {
  const command = serviceOf("redis").command?.join(" ");
  expect(command).toContain("--appendonly yes");
  expect(command).toContain("--maxmemory-policy noeviction");
  expect(serviceOf("redis").volumes).toEqual(["redis:/data"]);
});

test.each(own)(
  "%s: its environment is a valid configuration on the shared stores",
  (_name, { environment }) => {
    const config = parseConfig(environment);
    expect(config).toMatchObject({
      databaseUrl: expect.any(String),
      redisUrl: "redis://redis:6379",
      dataDir: "/data",
    });
  },
);

test("together the processes have every role, and the dispatcher has a stand-in", () => {
  const held = longRunning.flatMap(([, { environment }]) => parseConfig(environment).roles);
  expect(new Set(held)).toEqual(new Set(roles));
  expect(held.filter((role) => role === "dispatcher")).toHaveLength(2);
});

test("nothing of the product starts before the stores are healthy and the database is migrated", () => {
  expect(Object.keys(serviceOf("migrate").depends_on)).toEqual(["postgres"]);
  for (const [name, { depends_on }] of longRunning)
    expect([name, depends_on]).toEqual([
      name,
      {
        migrate: { condition: "service_completed_successfully" },
        redis: { condition: "service_healthy" },
        postgres: { condition: "service_healthy" },
      },
    ]);
  for (const name of ["postgres", "redis", "api", "simulator"])
    expect(serviceOf(name).healthcheck).toBeDefined();
});

test("a container is given more time to end than the drain takes", () => {
  for (const [, { stop_grace_period, environment }] of longRunning)
    expect(Number.parseInt(stop_grace_period ?? "0", 10) * 1_000).toBeGreaterThan(
      parseConfig(environment).drainTimeoutMs,
    );
});

test("ports are open to this machine only, every volume is declared, every variable is documented", () => {
  for (const { ports } of Object.values(services))
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:(\d+):\1$/);
  const named = Object.values(services).flatMap((service) =>
    service.volumes.map((volume) => volume.split(":")[0] ?? ""),
  );
  expect(new Set(named)).toEqual(new Set(Object.keys(volumes)));
  const known = new Set([...settings.map(({ name }) => name), "POSTGRES_PASSWORD"]);
  expect(variablesOf().filter((name) => !known.has(name))).toEqual([]);
});

test("the Dockerfile has the targets, starts what the services command, and does not run as root", () => {
  const dockerfile = readFileSync(join(root, "Dockerfile"), "utf8");
  const targets = Array.from(dockerfile.matchAll(/^FROM \S+ AS (\w+)$/gm), (match) => match[1]);
  for (const { build } of Object.values(services))
    if (build !== undefined) expect(targets).toContain(build.target);
  const last = dockerfile.slice(dockerfile.lastIndexOf("FROM "));
  expect(last).toContain("USER node");
  expect(last).toContain('ENTRYPOINT ["node", "bin/sluice.js"]');
  expect(last).not.toMatch(/COPY .*(src|test|scripts)\b/);
  const copied = Array.from(
    dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm),
    (match) => match[1]?.split(" ") ?? [],
  ).flat();
  for (const file of copied) expect(existsSync(join(root, file)), file).toBe(true);
  const ignored = readFileSync(join(root, ".dockerignore"), "utf8").split("\n");
  for (const file of copied.filter((each) => each !== ".")) expect(ignored).not.toContain(file);
});

const run = promisify(execFile);
const composePrograms = [["docker-compose"], ["docker", "compose"]] as const;

test("where Docker Compose is installed it reads the file and finds the same services", async () => {
  for (const [program, ...args] of composePrograms) {
    const options = [
      ...args,
      "-f",
      join(root, "docker-compose.yml"),
      "--profile",
      "simulator",
      "config",
      "--services",
    ];
    const listed = await run(program, options).catch((error: unknown) => whereMissing(error));
    if (listed !== null)
      expect(listed.stdout.trim().split("\n").toSorted()).toEqual(Object.keys(services).toSorted());
  }
});

/** Null when the program, or its compose plugin, is not there; a file it refuses is a failure. */
function whereMissing(error: unknown): null {
  const text = error instanceof Error ? `${error.message} ${"code" in error ? String(error.code) : ""}` : "";
  if (/ENOENT|unknown (docker )?command|is not a docker command|unknown shorthand flag/.test(text))
    return null;
  throw error;
}

test("the same processes with the same environment, without Docker, take a bulk through both lanes", async () => {
  const installation = await openInstallation({ simulator: { batchDurationMs: { min: 200, max: 600 } } });
  const {
    DATABASE_URL = "",
    REDIS_URL = "",
    SLUICE_QUEUE_PREFIX = "",
    SLUICE_DATA_DIR = "",
  } = installation.environment;
  // Only what a container's network and disk would be.
  const here = (name: string): Record<string, string> => ({
    ...serviceOf(name).environment,
    DATABASE_URL,
    REDIS_URL,
    SLUICE_QUEUE_PREFIX,
    SLUICE_DATA_DIR,
    SLUICE_PROVIDER_URL: installation.simulator.url,
    ANTHROPIC_API_KEY: "simulated",
    ...(name === "api" ? { SLUICE_HOST: "127.0.0.1", SLUICE_PORT: "0", SLUICE_PUBLIC_URL: "" } : {}),
  });
  const started: SluiceProcess[] = [];
  try {
    expect(await sluice(serviceOf("migrate").command ?? [], here("migrate"))).toBe(0);
    const api = await startProcess(here("api"));
    started.push(api);
    const workers = Array.from({ length: serviceOf("worker").deploy.replicas }, () =>
      startProcess(here("worker")),
    );
    started.push(...(await Promise.all([...workers, startProcess(here("batcher"))])));

    const keys = JSON.parse(await readFile(join(SLUICE_DATA_DIR, "keys.json"), "utf8")) as {
      default: string;
    };
    const client = createClient({ url: api.url ?? "", key: keys.default });
    const lines = sampleTickets(60).map(({ id, text }, at) => ({
      key: id,
      urgency: at % 3 === 0 ? "now" : "whenever",
      input: { text },
    }));
    const content = [{ shared: { labels: intents } }, ...lines]
      .map((line) => `${JSON.stringify(line)}\n`)
      .join("");
    const { id } = await submitFile(
      client,
      { content, gzip: false },
      { queue: "default", type: "classify-intent" },
    );
    const bulk = await waitFor(
      "the bulk to finish",
      async () => {
        const seen = await readBulk(client, id);
        return seen.state === "finished" ? seen : null;
      },
      { timeoutMs: 60_000, everyMs: 200 },
    );
    expect(bulk.counts).toMatchObject({ outcome: { succeeded: 60 }, lane: { realtime: 20, batch: 40 } });

    const { rows } = await installation.db.query<{ roles: string[] }>(
      "SELECT roles FROM processes WHERE ended_at IS NULL ORDER BY roles",
    );
    expect(rows.map((row) => row.roles.toSorted().join(","))).toEqual([
      "api,dispatcher",
      "batcher,dispatcher",
      "worker",
      "worker",
    ]);
    const ready = await fetch(`${api.url ?? ""}/readyz`);
    expect(ready.status).toBe(200);
  } finally {
    await Promise.all(started.map((process) => process.end()));
    await installation.close();
  }
}, 180_000);

/** Runs a command of the image's entry point to its end. */
async function sluice(
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<unknown> {
  const child = spawn(process.execPath, ["bin/sluice.js", ...command], {
    cwd: root,
    // oxlint-disable-next-line node/no-process-env -- a child needs the PATH
    env: { PATH: process.env["PATH"], ...environment },
    stdio: "inherit",
  });
  const [code] = (await once(child, "exit")) as [number | null];
  return code;
}
