// The processes of a run. Each is a group of its own, so that a Ctrl-C on the terminal reaches the parent only, which then ends
// them in order, the simulator last. What a child prints goes to a file; when one dies that
// should live, the end of that file is the explanation.
import { spawn, type ChildProcess, type StdioOptions } from "node:child_process";
import { mkdirSync, openSync, closeSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { z } from "zod";

const root = join(import.meta.dirname, "../..");
/** A process that was told to end gets this long: its own drain, and the stop of an embedded store. */
const endTimeoutMs = 45_000;

const listening = z.object({ url: z.string() });

export interface Child {
  readonly name: string;
  readonly pid: number;
  /** Rejects when it ends before it was told to. */
  readonly died: Promise<never>;
  /** SIGTERM, and SIGKILL if that does not help. */
  end(): Promise<void>;
  /** SIGKILL now, as a power cut would. */
  kill(): Promise<void>;
}

export interface Children {
  /** A process of Sluice. */
  startService(name: string, environment: NodeJS.ProcessEnv): Child;
  /** The simulator; resolves with its address when it listens. */
  startSimulator(args: readonly string[]): Promise<{ child: Child; url: string }>;
  /** Ends all that run, the simulator last. */
  end(): Promise<void>;
}

const isSimulator = ({ name }: Child): boolean => name === "simulator";

/** `logDir` receives a file for each child. */
export function createChildren(logDir: string): Children {
  mkdirSync(logDir, { recursive: true });
  const running: Child[] = [];
  const keep = (child: Child): Child => {
    running.push(child);
    child.died.catch(() => undefined);
    return child;
  };
  // Last resort: whatever ends this process, nothing of it stays behind.
  process.once("exit", () => running.forEach(({ pid }) => signal(pid, "SIGKILL")));
  return {
    startService(name, environment) {
      const { spawned, logFile } = start({
        logDir,
        name,
        args: ["bin/sluice.js", "start"],
        environment,
        read: false,
      });
      return keep(childOf(name, logFile, spawned));
    },
    async startSimulator(options) {
      const args = ["--import", "tsx", "scripts/simulator.ts", "--json", ...options];
      const name = "simulator";
      const { spawned, logFile } = start({ logDir, name, args, environment: plainEnvironment(), read: true });
      const child = keep(childOf(name, logFile, spawned));
      const line = await Promise.race([firstLine(spawned), child.died]);
      return { child, url: listening.parse(JSON.parse(line)).url };
    },
    async end() {
      const all = running.splice(0);
      // The simulator must outlive those that call it, or what they have in flight would be booked at its worst case.
      await Promise.all(all.filter((child) => !isSimulator(child)).map((child) => child.end()));
      await Promise.all(all.filter(isSimulator).map((child) => child.end()));
    },
  };
}

/** The environment of this process without what would lead a child to other stores, another provider or a real key. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const foreign = /^(SLUICE_|ANTHROPIC_|CLAUDE_|DATABASE_URL$|REDIS_URL$|PG[A-Z]+$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}

interface StartOptions {
  readonly logDir: string;
  readonly name: string;
  readonly args: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  /** True where its output is read here; else it goes to the file. */
  readonly read: boolean;
}

function start({ logDir, name, args, environment, read }: StartOptions): {
  spawned: ChildProcess;
  logFile: string;
} {
  const logFile = join(logDir, `${name}.log`);
  const log = openSync(logFile, "a");
  try {
    const stdio: StdioOptions = ["ignore", read ? "pipe" : log, log];
    return {
      spawned: spawn(process.execPath, [...args], { cwd: root, env: environment, detached: true, stdio }),
      logFile,
    };
  } finally {
    closeSync(log);
  }
}

function firstLine(child: ChildProcess): Promise<string> {
  const { stdout } = child;
  if (stdout === null) throw new Error("the child's output is not read");
  return new Promise((resolve) => createInterface({ input: stdout }).once("line", resolve));
}

function childOf(name: string, logFile: string, spawned: ChildProcess): Child {
  let told = false;
  const exited = new Promise<string>((resolve) => {
    spawned.once("error", (error) => resolve(error.message));
    spawned.once("exit", (code, by) => resolve(by === null ? `exit code ${code}` : `signal ${by}`));
  });
  const died = exited.then((how): Promise<never> => {
    if (told) return new Promise(() => undefined);
    throw new Error(`${name} ended by itself (${how}). The end of ${logFile}:\n${endOf(logFile)}`);
  });
  const pid = spawned.pid ?? -1;
  const stop = async (by: NodeJS.Signals, timeoutMs: number): Promise<boolean> => {
    told = true;
    signal(pid, by);
    const timer = new Promise<false>((resolve) => {
      setTimeout(() => resolve(false), timeoutMs).unref();
    });
    return Promise.race([exited.then(() => true as const), timer]);
  };
  const kill = async (): Promise<void> => void (await stop("SIGKILL", endTimeoutMs));
  return {
    name,
    pid,
    died,
    kill,
    async end() {
      if (!(await stop("SIGTERM", endTimeoutMs))) await kill();
    },
  };
}

/** Children lead groups of their own, but their stores are in sessions of their own and end in order. */
function signal(pid: number, by: NodeJS.Signals): void {
  try {
    if (pid > 0) process.kill(pid, by);
  } catch {
    // It has ended already.
  }
}

function endOf(file: string): string {
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  return lines.slice(-15).join("\n");
}
