// Sets the ceiling of a queue; raising it lets waiting work go on at once.
//   node scripts/bootstrap.mjs scripts/set-budget.ts QUEUE 12.50 day
import { runCommand } from "./run-command.ts";

const [queue = "", limitUsd = "", window = "day", ...options] = process.argv.slice(2);
await runCommand("budget", "set", queue, "--limit-usd", limitUsd, "--window", window, ...options);
