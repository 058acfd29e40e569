// Lifts the pause of everything. Queues that are paused by themselves stay paused.
//   node scripts/bootstrap.mjs scripts/resume-all.ts
import { runCommand } from "./run-command.ts";

await runCommand("resume", "--all", ...process.argv.slice(2));
