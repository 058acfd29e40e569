// Which provider a configuration means, and whether it costs money.

import type { Config } from "./config.ts";

/** The one credential of this installation; tenants bring their own later. */
export const defaultCredentialId = "default";

export interface ProviderChoice {
  provider: string;
  simulated: boolean;
  apiKey: string | null;
}

const loopbackHosts = new Set(["127.0.0.1", "localhost", "[::1]"]);

/**
 * Which provider the configuration means. One on this machine takes any key, and counts as a simulator unless it was given a real
 * one (then it is a proxy, and things cost money). Any other is called only with a key.
 */
export function chooseProvider({ providerUrl, anthropicApiKey }: Config): ProviderChoice {
  const { hostname, host } = new URL(providerUrl);
  const local = loopbackHosts.has(hostname);
  const simulated = local && anthropicApiKey?.startsWith("sk-ant-") !== true;
  const apiKey = anthropicApiKey ?? (local ? "simulated" : null);
  return {
    provider: simulated
      ? `SIMULATED at ${host}`
      : apiKey === null
        ? "none: ANTHROPIC_API_KEY is not set"
        : host,
    simulated,
    apiKey,
  };
}
