// Leases: the right to do what only one may do at a time, such as dispatching.
//
// What must hold: two holders never believe in the same lease at once. The database decides by its own clock; the holder counts
// its time from *before* it asked, on its monotonic clock, and stops believing a safety margin earlier. A holder that was frozen
// and comes back finds its time over before it does anything. Whoever writes under a lease may also pass the epoch: it rises
// with every taking, so a late writer can be told by it.
//
// Dying: the lease runs out, and another holder, which asks every quarter of it, has it after at most one and a quarter leases.
import { limits } from "../config/limits.ts";
import type { Clock } from "../domain/clock.ts";
import { errorFields } from "../observe/error-fields.ts";
import type { Log } from "../observe/log.ts";
import type { Listener } from "./listener.ts";
import type { Database } from "./pool.ts";
import { query, queryOne } from "./query.ts";

const acquire = queryOne("leases/acquire");
const renew = query("leases/renew");
const release = query("leases/release");

/** Takes a lease that is free; the epoch it was taken under, or undefined while somebody else holds it. */
export async function acquireLease(
  database: Database,
  name: string,
  holder: string,
  ttlMs: number,
): Promise<bigint | undefined> {
  const row = await acquire(database, [name, holder, ttlMs]);
  return row?.epoch;
}

export interface HeldLease {
  name: string;
  holder: string;
  epoch: bigint;
}

/** Renews a held lease. False: it has been lost. */
export async function renewLease(database: Database, held: HeldLease, ttlMs: number): Promise<boolean> {
  const { rowCount } = await renew(database, [held.name, held.holder, held.epoch, ttlMs]);
  return rowCount > 0;
}

/** Gives a lease back before its time. */
export async function releaseLease(database: Database, held: HeldLease): Promise<void> {
  await release(database, [held.name, held.holder, held.epoch]);
}

interface LeaseKeeperOptions {
  /** Asked on the control connection: a busy pool must not cost a lease, and a dead connection is noticed in time. */
  readonly listener: Pick<Listener, "run">;
  readonly name: string;
  /** Id of this holder: new for every start. */
  readonly holder: string;
  readonly ttlMs: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly onGained?: (epoch: bigint) => void;
  readonly onLost?: () => void;
}

/** Tries to hold one lease for as long as it runs. */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  #held: HeldLease | undefined;
  #believedUntilMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> = Promise.resolve();
  #running = false;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
  }

  /** Begins to ask for the lease. Resolves after the first try, whether it was got or not. */
  async start(): Promise<void> {
    this.#running = true;
    await this.#turn();
  }

  /** The epoch under which this process may act right now, or undefined. Ask again before every act. */
  epoch(): bigint | undefined {
    return this.#options.clock.monotonicMs() < this.#believedUntilMs ? this.#held?.epoch : undefined;
  }

  /** Stops asking and gives the lease back, so that the next holder need not wait. */
  async stop(): Promise<void> {
    this.#running = false;
    clearTimeout(this.#timer);
    await this.#round;
    const held = this.#held;
    this.#forget();
    // A lease that cannot be given back runs out by itself.
    if (held !== undefined)
      await this.#options.listener.run((client) => releaseLease(client, held)).catch(() => undefined);
  }

  async #turn(): Promise<void> {
    this.#round = this.#tryOnce();
    await this.#round;
    if (!this.#running) return;
    this.#timer = setTimeout(() => void this.#turn(), this.#options.ttlMs / limits.heartbeatsPerLease);
    this.#timer.unref();
  }

  async #tryOnce(): Promise<void> {
    const { listener, name, holder, ttlMs, clock, log } = this.#options;
    const askedAtMs = clock.monotonicMs();
    try {
      const held = this.#held;
      if (held !== undefined && !(await listener.run((client) => renewLease(client, held, ttlMs))))
        this.#lose();
      if (this.#held === undefined) {
        const epoch = await listener.run((client) => acquireLease(client, name, holder, ttlMs));
        if (epoch === undefined) return;
        this.#held = { name, holder, epoch };
        this.#believeFrom(askedAtMs);
        log.event("lease.taken", { lease: name, epoch });
        this.#options.onGained?.(epoch);
      }
      this.#believeFrom(askedAtMs);
    } catch (error) {
      if (this.#held === undefined || this.epoch() !== undefined) return;
      log.event("lease.lost", { lease: name, ...errorFields(error) });
      this.#forget();
      this.#options.onLost?.();
    }
  }

  // Short leases of tests have a margin in proportion.
  #believeFrom(askedAtMs: number): void {
    const { ttlMs } = this.#options;
    this.#believedUntilMs =
      askedAtMs + ttlMs - Math.min(limits.leaseSafetyMs, ttlMs / limits.heartbeatsPerLease);
  }

  #lose(): void {
    this.#options.log.event("lease.lost", { lease: this.#options.name });
    this.#forget();
    this.#options.onLost?.();
  }

  #forget(): void {
    this.#held = undefined;
    this.#believedUntilMs = 0;
  }
}
