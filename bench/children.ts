// The processes of a benchmark: each side runs in its own, and so does the simulator, so that nobody pays for another's work.

import { fork, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

const root = join(import.meta.dirname, "..");

/** Those that still run; none outlives the benchmark, however it ends. */
const running = new Set<ChildProcess>();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

function keep<Child extends ChildProcess>(child: Child): Child {
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

export interface Side {
  /** Sends a request and resolves with its answer; one at a time. Rejects when the process ends instead. */
  ask<Answer>(request: Record<string, unknown>): Promise<Answer>;
  pid: number;
  close(): Promise<void>;
}

/**
 * Starts a TypeScript module that answers messages with {@link answerRequests}. `imports`: modules loaded before it.
 * SIDE_ARGS: further arguments of Node, for profilers.
 */
export async function startSide(
  module: string,
  environment: Record<string, string>,
  options: { imports?: readonly string[] } = {},
): Promise<Side> {
  const imports = ["tsx", ...(options.imports ?? [])].flatMap((name) => ["--import", name]);
  const child = keep(
    fork(join(root, module), {
      cwd: root,
      // Standard output belongs to the figures.
      stdio: ["ignore", 2, 2, "ipc"],
      execArgv: [...imports, ...(process.env["SIDE_ARGS"]?.split(" ") ?? [])],
      env: { ...processEnvironment(), ...environment },
    }),
  );
  await nextMessage(child);
  return {
    pid: child.pid ?? 0,
    ask: async <Answer>(request: Record<string, unknown>) => {
      const answer = nextMessage(child);
      child.send(request);
      return (await answer) as Answer;
    },
    close: () => end(child),
  };
}

/** The side's half: says that it is ready, then answers each request. */
export function answerRequests(
  answer: (request: Record<string, unknown>) => Promise<unknown>,
  close: () => Promise<unknown>,
): void {
  process.on("message", (request: Record<string, unknown>) => {
    answer(request).then(
      (reply) => process.send?.(reply ?? {}),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
  process.on("disconnect", () => process.exit(0));
  process.on("SIGTERM", () => void close().finally(() => process.exit(0)));
  process.send?.({ ready: true });
}

export interface SimulatorProcess {
  url: string;
  pid: number;
  close(): Promise<void>;
}

export async function startSimulatorProcess(args: readonly string[]): Promise<SimulatorProcess> {
  const child = keep(
    spawn(
      process.execPath,
      ["--import", "tsx", join(root, "scripts/simulator.ts"), "--json", "--port", "0", ...args],
      {
        stdio: ["ignore", "pipe", "inherit"],
        env: processEnvironment(),
      },
    ),
  );
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  child.stdout.resume();
  return { url: (JSON.parse(line) as { url: string }).url, pid: child.pid ?? 0, close: () => end(child) };
}

/** Without our own settings and keys: a benchmark says what it wants. */
function processEnvironment(): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(SLUICE_|ANTHROPIC_|DATABASE_URL|REDIS_URL)/.test(name),
  );
  return Object.fromEntries(kept.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

async function nextMessage(child: ChildProcess): Promise<unknown> {
  const answered = new AbortController();
  const { signal } = answered;
  const gone = once(child, "exit", { signal }).then(([code]) =>
    Promise.reject(new Error(`a side of the benchmark ended with ${String(code)}`)),
  );
  const message = once(child, "message", { signal }).then(([value]) => value as unknown);
  // Whichever comes second is given up and must not count as unhandled.
  gone.catch(() => undefined);
  message.catch(() => undefined);
  try {
    return await Promise.race([message, gone]);
  } finally {
    answered.abort();
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  // A service drains: an upload under way is waited for.
  const timer = setTimeout(() => child.kill("SIGKILL"), 60_000);
  await exited;
  clearTimeout(timer);
}
