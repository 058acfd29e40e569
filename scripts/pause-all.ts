// Pauses every queue of the installation: nothing new starts, what is under way ends.
//   node scripts/bootstrap.mjs scripts/pause-all.ts "the reason, for everybody who waits"
import { runCommand } from "./run-command.ts";

const given = process.argv.slice(2);
// An option in the place of the reason, `--help` above all, is not a reason to stop everything.
const [reason, ...options] =
  given[0]?.startsWith("-") === false ? given : ["paused by an operator", ...given];
await runCommand("pause", "--all", "--reason", reason ?? "", ...options);
