// Prints every setting as it is in force, secrets masked, then warnings about odd combinations. Exit code 1 if the configuration
// is not valid; all problems are listed together.
import { effectiveSettings, loadConfig, oddCombinations } from "../src/config/config.ts";
import { ServiceError } from "../src/domain/errors.ts";

try {
  const config = loadConfig();
  for (const { name, value, given } of effectiveSettings(config, process.env)) {
    console.log(`${name.padEnd(32)} ${value}${given ? "" : "  (default)"}`);
  }
  for (const warning of oddCombinations(config)) console.log(`\nwarning: ${warning}`);
} catch (error) {
  if (!(error instanceof ServiceError)) throw error;
  console.error(`${error.message}\n${error.detail ?? ""}`);
  process.exitCode = 1;
}
