// What the commands share: their dependencies, the options every one of them has, and the way to the service.
import type { Command } from "commander";
import { type Client, createClient } from "./client.ts";
import type { CliDeps } from "./deps.ts";
import { printResult } from "./output.ts";
import { asTyped } from "./typed.ts";
import { configOf, forbiddenHint, type Holder, serviceKey, serviceUrl } from "./settings.ts";

/** The options of every command. */
export interface CommonOptions {
  readonly json?: true;
}

/** The options of every command that talks to the service. */
export interface ServiceOptions extends CommonOptions {
  readonly tenant?: string;
  readonly installation?: true;
}

export class Context {
  readonly deps: CliDeps;
  /** What the process ends with if the command returns. */
  exitCode = 0;

  constructor(deps: CliDeps) {
    this.deps = deps;
  }

  end(code: number): void {
    this.exitCode = code;
  }

  print(options: CommonOptions, value: unknown, text: () => string): void {
    printResult(this.deps.stdout, options.json === true, value, () => asTyped(text(), this.deps));
  }

  /** The service, with SLUICE_KEY or the first key that suits the command. */
  async service(options: ServiceOptions, holder: Holder = "default"): Promise<Client> {
    const config = configOf(this.deps);
    const asInstallation = options.installation === true || options.tenant !== undefined;
    const needed = asInstallation ? "installation" : holder;
    const key = await serviceKey(this.deps, config, needed);
    return createClient({
      url: serviceUrl(this.deps, config),
      key,
      tenant: options.tenant,
      forbiddenHint: forbiddenHint(this.deps, config, needed),
    });
  }
}

/** Adds what every command has. */
export const common = (command: Command): Command =>
  command.option("--json", "print one JSON document instead of a table");

/** Adds what every command has that talks to the service. */
export const forService = (command: Command): Command =>
  common(command)
    .option("--tenant <name>", "act for this tenant; needs a key of the installation")
    .option("--installation", "use the installation's first key where SLUICE_KEY is not set");
