// The roles that call the provider, worker and batcher, on one client: opened where this process may call it, with the gate in
// its fetch and the pace fed by the headers of its answers.

import { setTimeout as sleep } from "node:timers/promises";
import type { ProviderChoice } from "../config/provider-choice.ts";
import { limits } from "../config/limits.ts";
import type { Gate } from "../domain/work-scope.ts";
import { errorFields } from "../observe/error-fields.ts";
import { LeaseKeeper } from "../postgres/leases.ts";
import { createProvider } from "../provider/client.ts";
import { startBatcherRole } from "./batcher-role.ts";
import { startCounter } from "./counter.ts";
import { createCredentialPace, startWorkerRole } from "./realtime-roles.ts";
import { stopAll } from "./role.ts";
import type { Role } from "./role.ts";
import type { Runtime } from "./runtime.ts";

/**
 * The roles that call the provider. Without a shared Redis exactly one process may (each paces itself, and nothing else would
 * hold them together): it holds a lease, and the others stand by with their lanes closed and their gate shut.
 */
export async function openLanes(runtime: Runtime, choice: ProviderChoice): Promise<Role | null> {
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
  let started = false;
  const isCaller = (): boolean => keeper.epoch() !== undefined;
  const keeper: LeaseKeeper = new LeaseKeeper({
    listener,
    name: "provider-caller",
    holder: life.id,
    ttlMs: limits.dispatcherLeaseMs,
    clock,
    log,
    onGained: () => {
      // oxlint-disable-next-line unicorn/consistent-function-scoping -- it does: the keeper is being made
      const gate: Gate = (scope) => (isCaller() ? runtime.flags.gate(scope) : notTheCaller);
      lanes = lanes.then(() =>
        started
          ? reopenLanes(runtime, () => startLanes(runtime, apiKey, gate), isCaller)
          : startLanes(runtime, apiKey, gate),
      );
    },
    onLost: () => {
      lanes = lanes.then(async (open) => {
        await open?.stop(config.drainTimeoutMs).catch((error: unknown) => noteFault(runtime, error));
        return null;
      });
    },
  });
  await keeper.start();
  // The first lanes are part of the start: a process that cannot open them should say so now.
  await lanes;
  started = true;
  return {
    stop: async (timeoutMs) => {
      const end = await (await lanes)?.stop(timeoutMs);
      await keeper.stop();
      return end ?? { aborted: 0 };
    },
  };
}

/** Later on a store that is away for a moment is no reason to end the process: it tries until it works or is not the caller any more. */
async function reopenLanes(
  runtime: Runtime,
  open: () => Promise<Role>,
  isCaller: () => boolean,
): Promise<Role | null> {
  while (isCaller()) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- one try after the other
      return await open();
    } catch (error) {
      noteFault(runtime, error);
      // oxlint-disable-next-line no-await-in-loop
      await sleep(limits.sweepEveryMs, undefined, { ref: false });
    }
  }
  return null;
}

const noteFault = ({ log }: Runtime, error: unknown): void =>
  log.event("sweep.failed", { sweep: "provider-caller", ...errorFields(error) });

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
    onStart: runtime.flags.noteCall,
  });
  const timer = setInterval(() => void refresh().catch(() => undefined), 1_000);
  const roles: Role[] = [];
  const stop = async (timeoutMs: number): Promise<{ aborted: number }> => {
    clearInterval(timer);
    const end = await stopAll(roles, timeoutMs);
    await provider.close();
    return end;
  };
  try {
    if (config.roles.includes("worker")) roles.push(await startWorkerRole(runtime, { provider, pace, gate }));
    if (config.roles.includes("batcher")) roles.push(await startBatcherRole(runtime, { provider, gate }));
    if (config.countTokens !== "never") roles.push(await startCounter(runtime, { provider, gate }));
  } catch (error) {
    // Half of the lanes is none: what was opened must not go on beside the next try.
    await stop(0).catch((fault: unknown) => noteFault(runtime, fault));
    throw error;
  }
  return { stop };
}
