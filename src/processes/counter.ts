// Wires the counting of requests that wait for a ceiling: by one of the processes that call the provider, under a lease.

import { limits } from "../config/limits.ts";
import { defaultCredentialId } from "../config/provider-choice.ts";
import type { Gate } from "../domain/work-scope.ts";
import { createTokenCounter } from "../lanes/count/counter.ts";
import { createPreparedBulks } from "../lanes/prepared-bulks.ts";
import { LeaseKeeper } from "../postgres/leases.ts";
import type { Provider } from "../provider/client.ts";
import type { Role } from "./role.ts";
import type { Runtime } from "./runtime.ts";

export async function startCounter(
  runtime: Runtime,
  { provider, gate }: { provider: Provider; gate: Gate },
): Promise<Role> {
  const { pool, config, clock, log, listener, life, flags, jobTypes } = runtime;
  const keeper = new LeaseKeeper({
    listener,
    name: "token-counter",
    holder: life.id,
    ttlMs: limits.singletonLeaseMs,
    clock,
    log,
  });
  await keeper.start();
  const counter = createTokenCounter({
    pool,
    config,
    clock,
    log,
    gate,
    provider,
    prepared: createPreparedBulks(pool, jobTypes),
    credentialId: defaultCredentialId,
    mayRun: () => keeper.epoch() !== undefined,
  });
  const forget = flags.onChange(() => counter.abortShut());
  counter.start();
  return {
    stop: async () => {
      forget();
      await counter.stop();
      await keeper.stop();
      return { aborted: 0 };
    },
  };
}
