// The entry of the program. Everything the command line can do stands in src/cli; the one thing it cannot do by itself is to run
// the service, because processes are above it.

import process from "node:process";
import { runCli } from "../cli/program.ts";
import { version } from "../config/version.ts";
import { runUntilSignalled } from "./run.ts";

const { stdin, stdout, stderr, env } = process;
process.exitCode = await runCli(
  process.argv.slice(2),
  { environment: env, stdin, stdout, stderr, start: (config, how) => runUntilSignalled(config, stderr, how) },
  { version },
);
