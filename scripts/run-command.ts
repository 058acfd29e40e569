// What the one-use programs beside this file share: each is one command of the command line with its arguments filled in.
import { runCli } from "../src/cli/program.ts";
import { version } from "../src/config/version.ts";

const start = (): Promise<number> => Promise.reject(new Error("a script does not start the service"));

/** Runs a command and leaves its exit code to the process. */
export async function runCommand(...argv: readonly string[]): Promise<void> {
  const { env, stdin, stdout, stderr } = process;
  process.exitCode = await runCli(argv, { environment: env, stdin, stdout, stderr, start }, { version });
}
