// One process of Sluice: opens the stores, starts the roles it was given, and takes itself down in order.
//
// Going down: first nothing new starts (roles are stopped, each lets what it has in flight end), then the process says goodbye
// and closes its connections. Whatever does not end in time is aborted, booked at its worst case and requeued, here or, if this
// process dies on the way, by the reaper.

import type { Config } from "../config/config.ts";
import type { Log } from "../observe/log.ts";
import { startApiRole } from "./api-role.ts";
import { boundHeapGrowth } from "./heap.ts";
import { chooseProvider } from "../config/provider-choice.ts";
import { openLanes } from "./lanes.ts";
import { startDispatcherRole } from "./realtime-roles.ts";
import { stopAll } from "./role.ts";
import type { Role } from "./role.ts";
import { openRuntime } from "./runtime.ts";
import type { Runtime } from "./runtime.ts";
import { startUpkeepRole } from "./upkeep-role.ts";

export interface Service {
  /** Where the API answers, or null without the role `api`. */
  url: string | null;
  /** What it runs on, for the banner; without secrets. */
  describe: Runtime["describe"] & { provider: string; simulated: boolean };
  /** Drains and closes. `aborted` calls were cut off and booked at their worst case. */
  close(): Promise<{ aborted: number }>;
}

/** Starts a process with the roles of its configuration. Resolves when it works. */
export async function startService(config: Config, log: Log): Promise<Service> {
  boundHeapGrowth();
  const runtime = await openRuntime(config, log);
  const roles: Role[] = [];
  const choice = chooseProvider(config);
  try {
    const lanes = await openLanes(runtime, choice);
    if (lanes !== null) roles.push(lanes);
    if (config.roles.includes("dispatcher"))
      roles.push(await startDispatcherRole(runtime), await startUpkeepRole(runtime));
    const api = config.roles.includes("api") ? await startApiRole(runtime, choice) : null;
    // Last in, first out: no request is taken by a process that is going down.
    if (api !== null) roles.unshift(api);
    log.event("process.started", { processId: runtime.life.id, roles: config.roles.join(",") });
    const { provider, simulated } = choice;
    return {
      url: api?.url ?? null,
      describe: { ...runtime.describe, provider, simulated },
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
  const end = await stopAll(roles, config.drainTimeoutMs);
  await close();
  log.event("process.stopped", { aborted: end.aborted });
  return end;
}
