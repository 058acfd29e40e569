// One member of a cluster as far as control goes: control connection, registered process, flags. Several of them in one test
// process stand for several processes, since they share nothing but the database.
import { newId } from "../../src/config/ids.ts";
import { systemClock } from "../../src/config/clock.ts";
import { Flags } from "../../src/control/flags.ts";
import { ProcessLife } from "../../src/control/processes.ts";
import type { Clock } from "../../src/domain/clock.ts";
import { silentLog } from "../../src/observe/log.ts";
import { Listener } from "../../src/postgres/listener.ts";

export interface Member {
  listener: Listener;
  life: ProcessLife;
  flags: Flags;
  stop(): Promise<void>;
}

interface MemberOptions {
  readonly permissionMs?: number;
  readonly leaseMs?: number;
  readonly clock?: Clock;
}

export async function startMember(url: string, options: MemberOptions = {}): Promise<Member> {
  const { permissionMs = 1_000, leaseMs = 4_000, clock = systemClock } = options;
  const listener = new Listener(url, {
    applicationName: "sluice-test",
    log: silentLog,
    beatMs: 100,
    deadlineMs: 300,
  });
  const life = new ProcessLife({
    listener,
    newId,
    roles: ["worker"],
    concurrency: 10,
    leaseMs,
    log: silentLog,
  });
  const flags = new Flags({ listener, process: life, clock, permissionMs, rampMs: 10_000, log: silentLog });
  await listener.start();
  await life.start();
  await flags.start();
  return {
    listener,
    life,
    flags,
    async stop() {
      flags.stop();
      await life.end();
      await listener.stop();
    },
  };
}
