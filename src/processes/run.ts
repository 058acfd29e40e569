// The service in the foreground: a banner, then work until a signal asks for the end, then the drain.
//
// A second signal ends it at once; leases hand its work on. A bug that nobody caught ends it too, with a line in the log: going on
// in an unknown state could cost money, starting anew cannot.

import process from "node:process";
import { exitCodes } from "../cli/exit-codes.ts";
import type { Screen } from "../cli/deps.ts";
import type { Config } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import { ServiceError, errorCatalogue } from "../domain/errors.ts";
import { formatUsd } from "../domain/money.ts";
import { errorFields } from "../observe/error-fields.ts";
import { createLogger } from "../observe/log.ts";
import type { Log } from "../observe/log.ts";
import { keysFile } from "./bootstrap.ts";
import { startWithLanesApart } from "./lanes-apart.ts";
import type { LaneMessage } from "./lanes-apart.ts";
import type { Service } from "./service.ts";

/**
 * Runs the service until SIGTERM or SIGINT; attached to the process that started it, also until that one has gone. Answers the exit
 * code.
 */
export async function runUntilSignalled(
  config: Config,
  screen: Screen,
  { attached }: { attached: boolean },
): Promise<number> {
  const log = createLogger({
    level: config.logLevel,
    format: config.logFormat,
    fieldCharsMax: limits.logFieldCharsMax,
  });
  exitOnBugs(log);
  const signalled = attached ? Promise.race([nextSignal(), abandoned()]) : nextSignal();
  const service = await startWithLanesApart(config, log).catch((error: unknown) => {
    screen.write(startFailure(error, config));
    return null;
  });
  if (service === null) return exitCodes.refused;
  if (attached) await tell({ ready: true });
  else screen.write(banner(config, service));
  await signalled;
  void nextSignal().then(() => process.exit(exitCodes.aborted));
  const { aborted } = await service.close();
  if (attached) {
    await tell({ aborted });
    // An open channel would keep this process alive.
    if (process.connected) process.disconnect();
  }
  return aborted === 0 ? exitCodes.done : exitCodes.aborted;
}

/** Why it could not start, for whoever typed the command; the log has the code. */
function startFailure(error: unknown, { host, port }: Config): string {
  if (error instanceof ServiceError)
    return `error: ${[error.message, error.detail, errorCatalogue[error.code].hint].filter((line) => line !== undefined).join("\n  ")}\n`;
  if (error instanceof Error && "code" in error && error.code === "EADDRINUSE")
    return `error: port ${port} on ${host} is in use.\n  Set SLUICE_PORT, or stop what listens there; perhaps Sluice is running already.\n`;
  return `error: Sluice could not start: ${error instanceof Error ? error.message : String(error)}\n`;
}

function nextSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
  });
}

/** Resolves when it was handed over, or there is nobody to tell any more. */
function tell(message: LaneMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected && process.send !== undefined) process.send(message, () => resolve());
    else resolve();
  });
}

/** Resolves when the process that started this one has gone, however it went. */
function abandoned(): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected) resolve();
    process.once("disconnect", () => resolve());
  });
}

function exitOnBugs(log: Log): void {
  const crash = (error: unknown): void => {
    log.event("process.crashed", errorFields(error));
    process.exit(exitCodes.refused);
  };
  process.on("uncaughtException", crash);
  process.on("unhandledRejection", crash);
}

function budgetRule({ unbudgeted }: Config): string {
  if (unbudgeted === "allow") return "work that no budget covers runs without a ceiling (SLUICE_UNBUDGETED)";
  const first = formatUsd(limits.firstBudgetNano);
  return `work that no budget covers waits; the first queue, default, began with $${first} a day (sluice budget list)`;
}

function banner(config: Config, { url, describe }: Service): string {
  const rows: [string, string][] = [
    ["Roles", config.roles.join(", ")],
    ["Provider", describe.provider],
    ["PostgreSQL", describe.postgres],
    ["Queue", describe.queue],
    ["Budgets", budgetRule(config)],
  ];
  if (url !== null) {
    rows.push(["API", `${url}  (documentation: ${url}/openapi.json)`]);
    rows.push(["Bull Board", `${url}/admin/queues`]);
    rows.push([
      "Keys",
      `${keysFile(config.dataDir)}, made at the first start; sign in with the one named installation`,
    ]);
  }
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
  const warnings = describe.warnings.map((warning) => `  Warning: ${warning}`);
  return `Sluice is running${describe.simulated ? " · SIMULATED provider, nothing is billed" : ""}\n${[...lines, ...warnings].join("\n")}\n`;
}
