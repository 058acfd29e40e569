// All upkeep of an installation, done by one process at a time. The lease saves work and is not needed for safety: every sweep
// may run in several processes at once, so a holder that lost it without noticing does no harm.
import { limits } from "../config/limits.ts";
import type { BreakerRules } from "../domain/breaker.ts";
import type { Clock } from "../domain/clock.ts";
import type { Log } from "../observe/log.ts";
import { LeaseKeeper } from "../postgres/leases.ts";
import type { Listener } from "../postgres/listener.ts";
import type { Pool } from "../postgres/pool.ts";
import { createBreaker } from "./breaker.ts";
import { createCancelRest } from "./cancel-rest.ts";
import { createExpiry } from "./expiry.ts";
import { createOverrunStop } from "./overrun.ts";
import { createPruner } from "./pruner.ts";
import { createReaper } from "./reaper.ts";
import { SweepLoop, type Sweep } from "./sweep.ts";
import { createTallyFold } from "./tally-fold.ts";
import { createUnclaimedSweep } from "./unclaimed.ts";

interface UpkeepDeps {
  readonly pool: Pool;
  readonly listener: Pick<Listener, "run">;
  /** Id of this holder of the lease. */
  readonly holder: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly newId: () => string;
  readonly breaker: BreakerRules;
  /** Sweeps of other capabilities that are done by whoever holds the lease. */
  readonly further: readonly Sweep[];
}

export interface Upkeep {
  start(): Promise<void>;
  /** Asks for a round of these sweeps at once; nothing where another process does upkeep. */
  wake(...names: readonly string[]): void;
  /** Resolves when the rounds under way have ended and the lease was given back. */
  stop(): Promise<void>;
}

export function createUpkeep(deps: UpkeepDeps): Upkeep {
  const { pool, listener, holder, clock, log, newId, breaker: rules } = deps;
  const parts = { pool, database: pool, log, clock, newId };
  const keeper = new LeaseKeeper({
    listener,
    name: "upkeep",
    holder,
    ttlMs: limits.singletonLeaseMs,
    clock,
    log,
  });
  const sweeps = [
    createTallyFold(parts),
    createReaper(parts),
    createUnclaimedSweep(parts),
    createExpiry(parts),
    createCancelRest(parts),
    createPruner(parts),
    createOverrunStop(parts),
    createBreaker({ ...parts, rules }),
    ...deps.further,
  ];
  const loops = sweeps.map(
    (sweep) => new SweepLoop(sweep, { log, mayRun: () => keeper.epoch() !== undefined }),
  );
  return {
    async start() {
      await keeper.start();
      for (const loop of loops) loop.start();
    },
    wake(...names) {
      for (const loop of loops) if (names.includes(loop.name)) loop.wake();
    },
    async stop() {
      await Promise.all(loops.map((loop) => loop.stop()));
      await keeper.stop();
    },
  };
}
