// Processes that are loaded before they are needed. A start of the program is a second of reading and compiling its modules, and a
// run has five of them; so the next ones are loaded, one after the other, while a run goes on, and then have only to be told who they
// are. What is killed, frozen and judged is the same program.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { followStart, plainEnvironment } from "../support/processes.ts";
import type { SluiceProcess } from "../support/processes.ts";

/** What a run needs at its beginning, and one for whoever dies. */
const spares = 5;

export class WarmProcesses {
  readonly #entry: string;
  readonly #waiting: ChildProcess[] = [];
  readonly #closed = new AbortController();
  #loading: Promise<void> | undefined;

  /** `program`: the `bin/sluice.js` of an edition. */
  constructor(program: string) {
    this.#entry = join(dirname(program), "../dist/src/processes/warm-start.js");
    this.#refill();
  }

  /** A started process with this environment; resolves with its banner. */
  async start(environment: Readonly<Record<string, string>>): Promise<SluiceProcess> {
    const child = this.#waiting.shift() ?? this.#load();
    this.#refill();
    // One that was killed meanwhile is found out by whoever waits for its banner.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(JSON.stringify(environment));
    return followStart(child);
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.#loading;
    await Promise.all(
      this.#waiting.map((child) => {
        const gone = once(child, "exit");
        child.stdin?.end();
        return gone;
      }),
    );
  }

  #refill(): void {
    this.#loading ??= this.#fill().finally(() => {
      this.#loading = undefined;
    });
  }

  async #fill(): Promise<void> {
    const { signal } = this.#closed;
    while (this.#waiting.length < spares && !signal.aborted) {
      const child = this.#load();
      this.#waiting.push(child);
      // One after the other, so that loading never takes more than one core. A byte says that it is done.
      // oxlint-disable-next-line no-await-in-loop -- see above
      await Promise.race([once(child.stdio[3] ?? child, "data"), once(child, "exit")]);
    }
  }

  #load(): ChildProcess {
    return spawn(process.execPath, [this.#entry, "start"], {
      env: plainEnvironment(),
      stdio: ["pipe", "pipe", "pipe", "pipe"],
    });
  }
}
