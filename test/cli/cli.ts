// Runs the command line as a function: what it prints and how it ends.
import { Readable, Writable } from "node:stream";
import { runCli } from "../../src/cli/program.ts";

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly start?: Parameters<typeof runCli>[1]["start"];
}

/** Runs one command, such as `run(["queue", "list"])`. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const printed = { stdout: "", stderr: "" };
  const screen = (name: keyof typeof printed): Writable =>
    new Writable({
      decodeStrings: false,
      write: (text: string | Buffer, _encoding, done) => {
        printed[name] += String(text);
        done();
      },
    });
  const code = await runCli(
    argv,
    {
      environment: options.environment ?? {},
      stdin: Readable.from([options.stdin ?? ""]),
      stdout: screen("stdout"),
      stderr: screen("stderr"),
      start: options.start ?? (() => Promise.reject(new Error("not started here"))),
    },
    { version: "1.2.3" },
  );
  // Nothing leaves with the mark of a text that was not made for whoever reads it (src/cli/typed.ts).
  if (/\u{E000}/u.test(printed.stdout + printed.stderr)) throw new Error(`unfinished: ${argv.join(" ")}`);
  return { code, ...printed };
}

/** The one JSON document a command printed with --json. */
export const documentOf = ({ stdout }: Ran): unknown => JSON.parse(stdout);
