// Where a command gets the provider's figures from: the simulator's invoice on this machine, the usage report with an admin key.
import type { Config } from "../config/config.ts";
import { systemClock } from "../config/clock.ts";
import { createProvider } from "../provider/client.ts";
import type { Provider } from "../provider/client.ts";
import { createCostReport } from "../provider/cost-report.ts";
import { createSimulatedInvoice, createUsageReport } from "../provider/figures.ts";
import type { FigureSource } from "../provider/figures.ts";
import { CliError, exitCodes } from "./exit-codes.ts";

export interface FigureChoice {
  readonly apiKeyIds: readonly string[];
  readonly workspaceIds: readonly string[];
  readonly bucketWidth: "1m" | "1d";
}

const loopback = new Set(["127.0.0.1", "localhost", "[::1]"]);

/** The key a simulator is called with where none is set. */
const simulatedKey = "simulated";

/** A client of the provider for commands: nothing it sends is held by a stop, because nothing it sends costs money. */
export function openProvider(config: Config, apiKey: string): Provider {
  return createProvider({
    baseUrl: config.providerUrl,
    apiKey,
    gate: () => ({ open: false, why: "no_permission", flagId: null, reason: "commands start no work" }),
    clock: systemClock,
  });
}

/** The key that work is sent with. */
export function workKey(config: Config): string {
  if (config.anthropicApiKey !== undefined) return config.anthropicApiKey;
  if (loopback.has(new URL(config.providerUrl).hostname)) return simulatedKey;
  throw new CliError(exitCodes.usage, "ANTHROPIC_API_KEY is not set.", {
    hint: "Give this command the environment the service runs in; with a simulator that is SLUICE_PROVIDER_URL.",
  });
}

export interface Figures {
  readonly source: FigureSource;
  /** The provider's own money beside it; null where there is none, or where it cannot be narrowed to the keys that were named. */
  readonly cost: FigureSource | null;
  close(): Promise<void>;
}

/** Undefined without an admin key and without a simulator. */
export function figureSourceOf(config: Config, choice: FigureChoice): Figures | undefined {
  if (config.anthropicAdminKey !== undefined) {
    const provider = openProvider(config, config.anthropicAdminKey);
    return {
      source: createUsageReport(provider, choice),
      cost: choice.apiKeyIds.length > 0 ? null : createCostReport(provider, choice),
      close: () => provider.close(),
    };
  }
  const local = loopback.has(new URL(config.providerUrl).hostname);
  if (!local || config.anthropicApiKey?.startsWith("sk-ant-") === true) return undefined;
  return {
    source: createSimulatedInvoice(config.providerUrl, workKey(config)),
    cost: null,
    close: () => Promise.resolve(),
  };
}
