// Pauses every queue of the installation: nothing new starts, what is under way ends.
//   node scripts/bootstrap.mjs scripts/pause-all.ts "the reason, for everybody who waits"
import { runCommand } from "./run-command.ts";

const [reason = "paused by an operator", ...options] = process.argv.slice(2);
await runCommand("pause", "--all", "--reason", reason, ...options);
