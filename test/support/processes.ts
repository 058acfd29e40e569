// Real processes of Sluice: `bin/sluice.js start` with an environment, killed as a power cut would. What a child prints is kept,
// so that a test can search it, and so that one that dies unasked explains itself.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type pg from "pg";
import { waitFor } from "./wait.ts";

const program = join(import.meta.dirname, "../../bin/sluice.js");
/** A busy machine compiles our sources for a while. */
const startTimeoutMs = 60_000;
const endTimeoutMs = 20_000;

export interface SluiceProcess {
  readonly pid: number;
  /** Resolves when it has gone, however. */
  readonly gone: Promise<void>;
  /** Where its API answers; null without the role `api`. */
  readonly url: string | null;
  /** Everything it has printed, standard output and standard error. */
  output(): string;
  /** SIGTERM, and SIGKILL when that does not help. Answers the exit code. */
  end(): Promise<number | null>;
  /** SIGKILL; resolves when it has gone. */
  kill(): Promise<void>;
}

/** Starts one and waits for its banner. Several start side by side. */
export function startProcess(environment: Readonly<Record<string, string>>): Promise<SluiceProcess> {
  return followStart(
    spawn(process.execPath, [program, "start"], {
      env: { ...plainEnvironment(), ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    }),
  );
}

/** Waits for the banner of one that is being started. */
export async function followStart(child: ChildProcess): Promise<SluiceProcess> {
  const exited = once(child, "exit");
  const output = collect(child);
  const killWithUs = (): void => void child.kill("SIGKILL");
  process.once("exit", killWithUs);
  void exited.then(() => process.off("exit", killWithUs));
  const text = (): string => output.join("");
  await waitFor(
    "a process to start",
    () => {
      if (child.exitCode !== null || child.signalCode !== null) return true;
      return text().includes("Sluice is running");
    },
    { timeoutMs: startTimeoutMs, everyMs: 50 },
  ).catch((error: unknown) => {
    child.kill("SIGKILL");
    throw new Error(`a process did not start:\n${text()}`, { cause: error });
  });
  if (child.exitCode !== null || child.signalCode !== null)
    throw new Error(`a process ended with ${child.exitCode ?? child.signalCode}:\n${text()}`);
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await exited;
  };
  return {
    pid: child.pid ?? 0,
    gone: exited.then(() => undefined),
    url: /^ +API +(http:\/\/\S+)/m.exec(text())?.[1] ?? null,
    output: text,
    kill,
    end: async () => {
      child.kill("SIGTERM");
      const overdue = setTimeout(() => child.kill("SIGKILL"), endTimeoutMs);
      if (child.exitCode === null && child.signalCode === null) await exited;
      clearTimeout(overdue);
      return child.exitCode;
    },
  };
}

function collect(child: ChildProcess): string[] {
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8");
    stream?.on("data", (text: string) => output.push(text));
  }
  return output;
}

/** The environment of this process without what would lead a child to other stores, another provider or a real key. */
// oxlint-disable node/no-process-env -- a child needs the PATH and its like
export function plainEnvironment(): NodeJS.ProcessEnv {
  const foreign = /^(SLUICE_|ANTHROPIC_|CLAUDE_|DATABASE_URL$|REDIS_URL$|PG[A-Z]+$|VITEST|NODE_OPTIONS$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}

/** The id under which a living process is known in the rows. */
export async function processIdOf(db: pg.Client, { pid }: SluiceProcess): Promise<string> {
  const { rows } = await db.query<{ id: string }>(
    "SELECT id FROM processes WHERE pid = $1 ORDER BY started_at DESC LIMIT 1",
    [pid],
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`process ${pid} is not in the rows`);
  return row.id;
}
