// One process of a run under its supervisor: started with its part of the plan, struck, continued, and started again whenever it
// dies, as an operator's service manager would. Everything it says to a store or to the provider goes through proxies of its own, so
// that it alone can be cut off.

import { setTimeout as sleep } from "node:timers/promises";
import type { SluiceProcess } from "../support/processes.ts";
import { startProxy } from "../support/proxy.ts";
import type { Proxy } from "../support/proxy.ts";
import type { Blow, Fault, PlannedProcess, ProcessName } from "./plan.ts";
import type { Strike } from "./strikes.ts";
import type { WarmProcesses } from "./warm.ts";

export interface MemberOptions {
  readonly planned: PlannedProcess;
  readonly processes: WarmProcesses;
  readonly environment: Readonly<Record<string, string>>;
  readonly blows: readonly Extract<Fault, { kind: "point" }>[];
  /** Where the provider and the stores really are. */
  readonly behind: Readonly<Record<"provider" | "postgres" | "redis", string>>;
}

const restartAfterMs = 100;
const startsMax = 12;

export class Member {
  readonly name: ProcessName;
  readonly roles: readonly string[];
  readonly proxies: Readonly<Record<"provider" | "postgres" | "redis", Proxy>>;
  readonly #options: MemberOptions;
  readonly #outputs: (() => string)[] = [];
  #blows: MemberOptions["blows"];
  #process: SluiceProcess | undefined;
  #ending = false;
  #kept: Promise<void> = Promise.resolve();

  static async open(options: MemberOptions): Promise<Member> {
    const { provider, postgres, redis } = options.behind;
    const proxies = await Promise.all([startProxy(provider), startProxy(postgres), startProxy(redis)]);
    return new Member(options, { provider: proxies[0], postgres: proxies[1], redis: proxies[2] });
  }

  private constructor(options: MemberOptions, proxies: Member["proxies"]) {
    this.name = options.planned.name;
    this.roles = options.planned.roles.split(",");
    this.#options = options;
    this.proxies = proxies;
    this.#blows = options.blows;
  }

  /** Resolves when it works for the first time; from then on it is kept alive. */
  async start(): Promise<void> {
    const first = await this.#begin();
    this.#kept = this.#keep(first);
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Everything it has printed, over all its lives. */
  output(): string {
    return this.#outputs.map((output) => output()).join("\n");
  }

  /** A blow from outside; answers the pid it fell on. */
  strike(blow: Blow): number | undefined {
    const { pid } = this;
    if (pid === undefined || this.#ending) return undefined;
    process.kill(pid, blow === "kill" ? "SIGKILL" : "SIGSTOP");
    return pid;
  }

  /** A blow that has fallen at a point is not in the plan of the next life. */
  struck({ point }: Strike): void {
    this.#blows = this.#blows.filter((one) => one.point !== point);
  }

  /** SIGTERM, also to one that is being started. */
  async end(): Promise<void> {
    this.#ending = true;
    const { pid } = this;
    if (pid !== undefined) goOn(pid);
    await this.#process?.end();
    await this.#kept;
  }

  async close(): Promise<void> {
    this.#ending = true;
    await this.#process?.kill();
    await this.#kept;
    await Promise.all(Object.values(this.proxies).map((proxy) => proxy.close()));
  }

  async #keep(first: SluiceProcess): Promise<void> {
    let living = first;
    for (;;) {
      await living.gone;
      this.#process = undefined;
      if (this.#ending) return;
      await sleep(restartAfterMs);
      if (this.#isEnding()) return;
      living = await this.#begin();
      if (this.#isEnding()) await living.end();
    }
  }

  #isEnding(): boolean {
    return this.#ending;
  }

  /** A store may be away just now, or the next blow may fall before it has begun: it is tried again. */
  async #begin(): Promise<SluiceProcess> {
    for (let tryNo = 1; ; tryNo += 1) {
      try {
        const started = await this.#options.processes.start(this.#environment());
        this.#process = started;
        this.#outputs.push(started.output);
        return started;
      } catch (error) {
        this.#outputs.push(() => String(error));
        if (tryNo >= startsMax) throw error;
        await sleep(restartAfterMs);
      }
    }
  }

  #environment(): Record<string, string> {
    const { environment, behind, planned } = this.#options;
    const plan = this.#blows.map(({ point, nth, blow, afterMs }) => ({ point, nth, blow, afterMs }));
    return {
      ...environment,
      SLUICE_ROLES: planned.roles,
      SLUICE_PROVIDER_URL: this.proxies.provider.urlFor(behind.provider).replace(/\/$/, ""),
      DATABASE_URL: this.proxies.postgres.urlFor(behind.postgres),
      REDIS_URL: this.proxies.redis.urlFor(behind.redis),
      TORTURE_PLAN: JSON.stringify(plan),
    };
  }
}

export function goOn(pid: number): void {
  try {
    process.kill(pid, "SIGCONT");
  } catch {
    // It was killed meanwhile.
  }
}
