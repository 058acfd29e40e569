// One process of Sluice: opens the stores, starts the roles it was given, and takes itself down in order.
//
// Going down: first nothing new starts (roles are stopped, each lets what it has in flight end), then the process says goodbye
// and closes its connections. Whatever does not end in time is aborted, booked at its worst case and requeued, here or, if this
// process dies on the way, by the reaper.

import type { Config } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import type { Gate } from "../domain/work-scope.ts";
import type { Log } from "../observe/log.ts";
import { LeaseKeeper } from "../postgres/leases.ts";
import { createProvider } from "../provider/client.ts";
import { createCredentialPace, startDispatcherRole, startWorkerRole } from "./realtime-roles.ts";
import type { Role } from "./realtime-roles.ts";
import { openRuntime } from "./runtime.ts";
import type { Runtime } from "./runtime.ts";

export interface Service {
  /** Where the API answers, or null without the role `api`. */
  url: string | null;
  describe: Runtime["describe"] & { provider: string; simulated: boolean };
  /** Drains and closes. `aborted` calls were cut off and booked at their worst case. */
  close(): Promise<{ aborted: number }>;
}

/** Starts a process with the roles of its configuration. Resolves when it works. */
export async function startService(config: Config, log: Log): Promise<Service> {
  const runtime = await openRuntime(config, log);
  const roles: Role[] = [];
  const provider = describeProvider(config);
  try {
    const lanes = await openLanes(runtime, provider);
    if (lanes !== null) roles.push(lanes);
    if (config.roles.includes("dispatcher")) roles.push(await startDispatcherRole(runtime));
    log.event("process.started", { processId: runtime.life.id, roles: config.roles.join(",") });
    return {
      url: null,
      describe: { ...runtime.describe, ...provider },
      close: () => shutDown(runtime, roles),
    };
  } catch (error) {
    await shutDown(runtime, roles);
    throw error;
  }
}

async function shutDown(
  { config, log, close }: Runtime,
  roles: readonly Role[],
): Promise<{ aborted: number }> {
  log.event("process.draining");
  const ends = await Promise.all(roles.map((role) => role.stop(config.drainTimeoutMs)));
  await close();
  return { aborted: ends.reduce((sum, end) => sum + end.aborted, 0) };
}

interface ProviderChoice {
  provider: string;
  simulated: boolean;
  apiKey: string | null;
}

const loopbackHosts = new Set(["127.0.0.1", "localhost", "[::1]"]);

/** A provider on this machine is a simulator and takes any key; the real one is called only with a key. */
function describeProvider({ providerUrl, anthropicApiKey }: Config): ProviderChoice {
  const { hostname, host } = new URL(providerUrl);
  const simulated = loopbackHosts.has(hostname);
  const apiKey = anthropicApiKey ?? (simulated ? "simulated" : null);
  return {
    provider: simulated
      ? `SIMULATED at ${host}`
      : apiKey === null
        ? "none: ANTHROPIC_API_KEY is not set"
        : host,
    simulated,
    apiKey,
  };
}

/**
 * The roles that call the provider. Without a shared Redis exactly one process may (each paces itself, and nothing else would
 * hold them together): it holds a lease, and the others stand by with their lanes closed and their gate shut.
 */
async function openLanes(runtime: Runtime, choice: ProviderChoice): Promise<Role | null> {
  const { config, backend } = runtime;
  const { apiKey } = choice;
  const wanted = config.roles.includes("worker") || config.roles.includes("batcher");
  if (!wanted || apiKey === null) return null;
  if (backend.kind === "redis") return startLanes(runtime, apiKey, runtime.flags.gate);
  return standBy(runtime, apiKey);
}

async function standBy(runtime: Runtime, apiKey: string): Promise<Role> {
  const { clock, listener, life, log, config } = runtime;
  let lanes: Promise<Role | null> = Promise.resolve(null);
  const keeper: LeaseKeeper = new LeaseKeeper({
    listener,
    name: "provider-caller",
    holder: life.id,
    ttlMs: limits.dispatcherLeaseMs,
    clock,
    log,
    onGained: () => {
      const gate: Gate = (scope) => (keeper.epoch() === undefined ? notTheCaller : runtime.flags.gate(scope));
      lanes = lanes.then(() => startLanes(runtime, apiKey, gate));
    },
    onLost: () => {
      lanes = lanes.then(async (open) => {
        await open?.stop(config.drainTimeoutMs);
        return null;
      });
    },
  });
  await keeper.start();
  // The first lanes are part of the start: a process that cannot open them should say so now.
  await lanes;
  return {
    stop: async (timeoutMs) => {
      const end = await (await lanes)?.stop(timeoutMs);
      await keeper.stop();
      return end ?? { aborted: 0 };
    },
  };
}

const notTheCaller = {
  open: false,
  why: "no_permission",
  flagId: null,
  reason: "another process calls the provider while there is no shared Redis",
} as const;

async function startLanes(runtime: Runtime, apiKey: string, gate: Gate): Promise<Role> {
  const { config, clock } = runtime;
  const { pace, refresh } = await createCredentialPace(runtime);
  const provider = createProvider({
    baseUrl: config.providerUrl,
    apiKey,
    gate,
    clock,
    onAnswer: (headers, status) => pace.learn(headers, status),
  });
  const timer = setInterval(() => void refresh().catch(() => undefined), 1_000);
  const roles: Role[] = [];
  if (config.roles.includes("worker")) roles.push(await startWorkerRole(runtime, { provider, pace, gate }));
  return {
    stop: async (timeoutMs) => {
      clearInterval(timer);
      const ends = await Promise.all(roles.map((role) => role.stop(timeoutMs)));
      await provider.close();
      return { aborted: ends.reduce((sum, end) => sum + end.aborted, 0) };
    },
  };
}
