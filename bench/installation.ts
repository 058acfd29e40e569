// What most parts of the benchmark need: a database of its own, the simulator, a whole Sluice and a caller, each in processes of
// its own, with one queue under a real budget.

import type { BenchBackend, BenchStores } from "./stores.ts";
import { startSide, startSimulatorProcess } from "./children.ts";
import { largestPeakMb } from "./memory-peak.ts";

export interface Accepted {
  id: string;
  accepted: number;
  /** From the first byte sent to the 202. */
  ms: number;
}

export interface BenchInstallation {
  databaseUrl: string;
  simulatorUrl: string;
  /** Streams a file of lines as one bulk. */
  upload(file: string): Promise<Accepted>;
  /** A call of the API; throws unless it succeeds. */
  call<Answer>(method: string, path: string, body?: unknown): Promise<Answer>;
  /** The largest resident set that a process of Sluice had so far, in MB; null where the system does not say. */
  peakMb(): number | null;
  close(): Promise<void>;
}

export interface BenchTerms {
  /** Settings of Sluice by their environment names. */
  settings?: Record<string, string>;
  simulator?: readonly string[];
}

/** Message batches end within a second and polls come quickly, so that the pipeline is measured and not the provider's wait. */
const promptProvider = ["--profile", "fast", "--latency", "0", "--batch-duration", "0-1000"];
const promptPolls = { SLUICE_POLL_MIN_MS: "200", SLUICE_POLL_MAX_MS: "1000" };

/** More than any part spends, and a ceiling all the same: every hold is taken against it. */
const budgetUsd = "1000000";

export async function openBenchInstallation(
  stores: BenchStores,
  backend: BenchBackend,
  terms: BenchTerms = {},
): Promise<BenchInstallation> {
  const database = await stores.open(backend);
  const simulator = await startSimulatorProcess([...promptProvider, ...(terms.simulator ?? [])]);
  const environment = {
    ...database.environment,
    ...promptPolls,
    SLUICE_PROVIDER_URL: simulator.url,
    ...terms.settings,
  };
  const service = await startSide("bench/sides/service.ts", environment);
  const uploader = await startSide("bench/sides/uploader.ts", {});
  const { url, key, pids } = await service.ask<{ url: string; key: string; pids: number[] }>({});
  const call = (method: string, path: string, body?: unknown) =>
    callApi({ url: `${url}${path}`, key }, method, body);
  await call("PUT", "/v1/queues/default", {
    default_type: "classify-intent",
    budget: { limit_usd: budgetUsd, window: "total" },
  });
  return {
    databaseUrl: database.url,
    simulatorUrl: simulator.url,
    upload: async (file) => {
      const answer = await uploader.ask<{ ms: number; status: number; body: string }>({
        url: `${url}/v1/bulks`,
        key,
        file,
      });
      if (answer.status !== 202)
        throw new Error(`an upload was answered ${answer.status}: ${answer.body.slice(0, 500)}`);
      return { ms: answer.ms, ...(JSON.parse(answer.body) as Omit<Accepted, "ms">) };
    },
    call: async <Answer>(method: string, path: string, body?: unknown) =>
      (await call(method, path, body)) as Answer,
    peakMb: () => largestPeakMb(pids),
    close: async () => {
      await uploader.close();
      await service.close();
      await simulator.close();
      await database.drop();
    },
  };
}

async function callApi(to: { url: string; key: string }, method: string, body: unknown): Promise<unknown> {
  const response = await fetch(to.url, {
    method,
    headers: {
      authorization: `Bearer ${to.key}`,
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok)
    throw new Error(`${method} ${to.url} was answered ${response.status}: ${text.slice(0, 500)}`);
  return JSON.parse(text);
}
