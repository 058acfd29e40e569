// What the command line is given from outside. Nothing in this folder reads the environment, writes to the console or starts a
// process by itself, so a test can run a command as a function call.
import type { Readable, Writable } from "node:stream";
import type { Config } from "../config/config.ts";

/** Where text goes. A terminal says so and how wide it is. */
export interface Screen {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

export interface CliDeps {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable;
  /** Results go here, and nothing else. */
  readonly stdout: Screen & Writable;
  readonly stderr: Screen;
  /** Runs the service in this process until it is told to end, or what it is attached to has ended; answers with the exit code. */
  start(config: Config, how: { attached: boolean }): Promise<number>;
}
