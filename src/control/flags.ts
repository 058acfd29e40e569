// The gate: may a call of this scope start now? Answered from memory in the same tick as the call, and still never older than
// the permission, because an answer is only worth something while its age is known.
//
// What must hold:
//   Without a valid permission nothing starts. It is renewed by reading the version of the flags and ends `permissionMs` after
//   that read was *sent*, on the monotonic clock. A process that is frozen, cut off or whose database is away stops by itself,
//   and one whose lease has ended or was reaped is never permitted, since the same read brings the rest of its lease.
//   A set flag is seen by everybody within milliseconds (NOTIFY), at the latest when the permission is renewed. The notice of a stop
//   carries it and shuts the gate in its own tick; what was read before the notice is not believed any more.
//   The version obeyed is written into the row of the process after the cache has changed: a stop waits for that.
import { limits } from "../config/limits.ts";
import type { Clock } from "../domain/clock.ts";
import {
  stopOfNotice,
  abortingStop,
  findFlag,
  indexFlags,
  verdictOf,
  type Flag,
  type FlagKind,
  type FlagScope,
  type OpenFlags,
} from "../domain/flag.ts";
import type { Gate, WorkScope } from "../domain/work-scope.ts";
import { errorFields } from "../observe/error-fields.ts";
import type { Log } from "../observe/log.ts";
import { readFlags } from "../postgres/flags.ts";
import type { Listener } from "../postgres/listener.ts";
import { acknowledgeFlags } from "../postgres/processes.ts";

interface FlagsOptions {
  readonly listener: Pick<Listener, "run" | "on" | "onReconnect">;
  /** The process as it is registered now; its id changes when it was reaped. */
  readonly process: { readonly id: string };
  readonly clock: Clock;
  readonly permissionMs: number;
  /** How long a lifted stop is remembered, because its work comes back gently. */
  readonly rampMs: number;
  readonly log: Log;
}

interface LiftedStop {
  readonly flag: Flag;
  readonly atMs: number;
}

const noPermission = {
  open: false,
  why: "no_permission",
  flagId: null,
  reason: "the flags could not be read in time",
} as const;

export class Flags {
  readonly #options: FlagsOptions;
  readonly #changed = new Set<() => void>();
  readonly #forget: (() => void)[] = [];
  #open: OpenFlags = new Map();
  #version = -1n;
  #acknowledged = "";
  #permittedUntilMs = Number.NEGATIVE_INFINITY;
  #permitted = false;
  #reading: Promise<void> | undefined;
  #readAgain = false;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #lastCallAt: Date | null = null;
  #lifted: LiftedStop[] = [];
  /** Stops heard of so far. */
  #notices = 0;

  constructor(options: FlagsOptions) {
    this.#options = options;
  }

  /** Listens, then reads for the first time. The process must be registered. */
  async start(): Promise<void> {
    const { listener } = this.#options;
    this.#forget.push(
      listener.on("sluice_flags", (notice) => this.#hear(notice)),
      listener.onReconnect(() => void this.refresh()),
    );
    await this.refresh();
  }

  stop(): void {
    this.#stopped = true;
    this.#permittedUntilMs = Number.NEGATIVE_INFINITY;
    clearTimeout(this.#timer);
    for (const forget of this.#forget) forget();
  }

  /** Whether work of this scope may start now; synchronous. */
  readonly gate: Gate = (work) => (this.permitted ? verdictOf(this.#open, work) : noPermission);

  /** The open stop that asks for a call of this scope, which is under way, to be aborted. */
  aborting(work: WorkScope): Flag | undefined {
    return abortingStop(this.#open, work);
  }

  /** A call begins now: its time stands in the next acknowledgement. */
  readonly noteCall = (at: Date): void => {
    this.#lastCallAt = at;
  };

  /** The stops that were seen to be lifted a short while ago, with how long ago that was. */
  get lifted(): readonly { flag: Flag; agoMs: number }[] {
    const nowMs = this.#options.clock.monotonicMs();
    this.#lifted = this.#lifted.filter(({ atMs }) => nowMs - atMs < this.#options.rampMs);
    return this.#lifted.map(({ flag, atMs }) => ({ flag, agoMs: nowMs - atMs }));
  }

  /** Whether the flags are known well enough to start anything. */
  get permitted(): boolean {
    return this.#options.clock.monotonicMs() < this.#permittedUntilMs;
  }

  /** The open flags as last read, for display; the gate decides. */
  get open(): readonly Flag[] {
    return [...this.#open.values()];
  }

  /** The open flag of exactly this scope and target as last read. */
  find(kind: FlagKind, scope: FlagScope, target: string): Flag | undefined {
    return findFlag(this.#open, kind, scope, target);
  }

  /** Calls `fn` after the open flags have changed, and when a lost permission is there again. */
  onChange(fn: () => void): () => void {
    this.#changed.add(fn);
    return () => this.#changed.delete(fn);
  }

  /** Reads the flags now. Resolves when a read that began after this call has ended, well or not. */
  async refresh(): Promise<void> {
    if (this.#stopped) return;
    if (this.#reading !== undefined) {
      // The read under way may have been answered before the change that this call is about.
      this.#readAgain = true;
      await this.#reading;
      return;
    }
    this.#reading = this.#readUntilCurrent().finally(() => {
      this.#reading = undefined;
      this.#schedule();
    });
    await this.#reading;
  }

  /**
   * A stop that a notice brings is in force before anything else happens here. The rows are read next and whole, whatever version they
   * have: they alone say that it has been lifted meanwhile.
   */
  #hear(notice: string): void {
    const stop = stopOfNotice(notice);
    if (stop !== undefined && !this.#stopped) {
      this.#notices += 1;
      this.#version = -1n;
      this.#open = indexFlags([...this.open, stop]);
      for (const tell of this.#changed) tell();
    }
    void this.refresh();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    this.#timer = setTimeout(
      () => void this.refresh(),
      this.#options.permissionMs / limits.readsPerPermission,
    );
    this.#timer.unref();
  }

  async #readUntilCurrent(): Promise<void> {
    this.#readAgain = false;
    await this.#read();
    if (this.#wantsAnother()) await this.#readUntilCurrent();
  }

  #wantsAnother(): boolean {
    return this.#readAgain && !this.#stopped;
  }

  async #read(): Promise<void> {
    const { listener, process, clock, permissionMs, log } = this.#options;
    const processId = process.id;
    const sentAtMs = clock.monotonicMs();
    const notices = this.#notices;
    try {
      const reading = await listener.run((client) => readFlags(client, this.#version, processId));
      // A stop that was heard of while this was read may not be in it.
      if (this.#stopped || notices !== this.#notices) return;
      const leaseLeftMs = reading.leaseLeftMs ?? 0;
      this.#permittedUntilMs = sentAtMs + Math.min(permissionMs, leaseLeftMs);
      this.#version = reading.version;
      if (reading.flags !== null) this.#replace(indexFlags(reading.flags));
      this.#tell(reading.flags !== null);
      await this.#acknowledge(processId);
    } catch (error) {
      // Nothing to undo: without this read the permission simply runs out.
      if (!this.permitted && this.#permitted) log.event("permission.lost", errorFields(error));
      this.#permitted = this.permitted;
    }
  }

  #replace(open: OpenFlags): void {
    const ids = new Set([...open.values()].map((flag) => flag.id));
    const atMs = this.#options.clock.monotonicMs();
    for (const flag of this.open)
      if (flag.kind === "stop" && !ids.has(flag.id)) this.#lifted.push({ flag, atMs });
    this.#open = open;
  }

  #tell(flagsChanged: boolean): void {
    const regained = this.permitted && !this.#permitted;
    if (this.permitted !== this.#permitted)
      this.#options.log.event(regained ? "permission.regained" : "permission.lost");
    this.#permitted = this.permitted;
    if (flagsChanged || regained) for (const tell of this.#changed) tell();
  }

  async #acknowledge(processId: string): Promise<void> {
    const obeyed = `${processId} ${this.#version}`;
    if (this.#acknowledged === obeyed) return;
    const version = this.#version;
    const lastCallAt = this.#lastCallAt;
    await this.#options.listener.run((client) =>
      acknowledgeFlags(client, processId, { version, lastCallAt }),
    );
    this.#acknowledged = obeyed;
  }
}
