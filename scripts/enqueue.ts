// Submits an NDJSON file as one bulk.
//   node scripts/bootstrap.mjs scripts/enqueue.ts FILE --queue NAME --type TYPE --urgency whenever
// All options: sluice submit --help
import { runCommand } from "./run-command.ts";

await runCommand("submit", ...process.argv.slice(2));
