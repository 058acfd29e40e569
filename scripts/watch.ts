// Follows a bulk until every job has its outcome; exit code 4 if not all succeeded.
//   node scripts/bootstrap.mjs scripts/watch.ts BULK
import { runCommand } from "./run-command.ts";

await runCommand("watch", ...process.argv.slice(2));
