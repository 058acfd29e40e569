// Carries out the faults of a schedule that are not dealt at a point.

import { setTimeout as sleep } from "node:timers/promises";
import { waitFor } from "../support/wait.ts";
import type { Field } from "./field.ts";
import type { Fault } from "./plan.ts";

type FaultOf<Kind extends Fault["kind"]> = Extract<Fault, { kind: Kind }>;

/** Waits for the fault's moment and brings it about; resolves when it is over. */
export async function inflict(fault: Fault, field: Field): Promise<void> {
  if (fault.kind === "point") return;
  await sleep(fault.atMs);
  switch (fault.kind) {
    case "provider":
      field.simulator.addFault(fault.request);
      return;
    case "strike":
      await strike(fault, field);
      return;
    case "network":
      await hurtNetwork(fault, field);
      return;
    case "redis":
      await hurtRedis(fault, field);
      return;
    case "postgres":
      await hurtPostgres(fault, field);
      return;
    default:
      fault satisfies never;
  }
}

/** A blow at a moment of the schedule. */
export async function strike(
  { process, blow }: Pick<FaultOf<"strike">, "process" | "blow">,
  { members, strikes }: Field,
): Promise<void> {
  const pid = members.find(({ name }) => name === process)?.strike(blow);
  if (pid !== undefined) await strikes.add({ point: null, blow, pid, atMs: Date.now() });
}

/** BullMQ's key of the wake-ups that are due later. */
const wakesLater = "torture:message-batches:delayed";

async function hurtNetwork(
  { process, to, how, forMs }: FaultOf<"network">,
  { members }: Field,
): Promise<void> {
  const proxy = members.find(({ name }) => name === process)?.proxies[to];
  if (proxy === undefined) return;
  if (how === "cut") {
    proxy.cut();
    return;
  }
  if (how === "slow") proxy.delay(forMs / 2);
  else proxy.pause();
  await sleep(forMs);
  proxy.delay(0);
  proxy.resume();
}

async function hurtRedis({ how, whilePolled }: FaultOf<"redis">, { redis }: Field): Promise<void> {
  // Where no batch comes that far, it is hurt all the same.
  if (whilePolled)
    await waitFor("a wake-up that is waited for", () => redis.countLater(wakesLater), { everyMs: 5 }).catch(
      () => undefined,
    );
  if (how === "flush") {
    await redis.flush();
    return;
  }
  await redis.kill();
  if (how === "older") {
    // It goes on for half a second and then is what it was before.
    redis.keep();
    await redis.restart("disk");
    await sleep(500);
    await redis.kill();
    await redis.restart("kept");
    return;
  }
  await sleep(200);
  await redis.restart(how === "kill" ? "disk" : "nothing");
}

async function hurtPostgres(
  { how, forMs }: FaultOf<"postgres">,
  { members, db, arena }: Field,
): Promise<void> {
  if (how === "kill" || how === "quit") {
    await arena.crashPostgres(how === "kill" ? "SIGKILL" : "SIGQUIT");
    return;
  }
  if (how === "drop") {
    await db.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'sluice%'",
    );
    return;
  }
  const proxies = members.map((member) => member.proxies.postgres);
  await Promise.all(proxies.map((proxy) => proxy.refuse()));
  await sleep(forMs);
  await Promise.all(proxies.map((proxy) => proxy.accept()));
}
