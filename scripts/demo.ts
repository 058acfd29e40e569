// npm run demo -- [options]
// Thousands of support tickets through both lanes of a simulated Anthropic API, with what can go wrong on the way; --help lists the
// options, docs/demo.md tells what is to be seen. The last line of the output is one JSON object.
import { parseOptions } from "./demo/options.ts";
import { runReal } from "./demo/run-real.ts";
import { runSimulated } from "./demo/run-simulated.ts";

const options = parseOptions(process.argv.slice(2));
try {
  process.exitCode = options.real ? await runReal(options) : await runSimulated(options);
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
// Streams and timers of what was interrupted must not keep it open.
process.exit();
