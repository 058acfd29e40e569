// Wires the API: REST, metrics and Bull Board behind one listener.

import { Registry } from "prom-client";
import { BulkEntries } from "../control/bulk-entries.ts";
import { createApp } from "../http/app.ts";
import { createBoard } from "../http/board/board.ts";
import { sessionSecret } from "../http/board/session.ts";
import { listen } from "../http/server.ts";
import type { ProviderChoice } from "../config/provider-choice.ts";
import type { Role } from "./role.ts";
import type { Runtime } from "./runtime.ts";

export interface ApiRole extends Role {
  /** Where it listens. */
  url: string;
}

export async function startApiRole(runtime: Runtime, choice: ProviderChoice): Promise<ApiRole> {
  const { pool, config, clock, log, life, flags, backend, jobTypes, newId } = runtime;
  const metrics = new Registry();
  const board = createBoard({
    database: pool,
    backend,
    flags,
    clock,
    log,
    secret: await sessionSecret(config.sessionSecret, config.dataDir),
    publicUrl: config.publicUrl,
    simulated: choice.simulated,
  });
  const entries = new BulkEntries({ database: pool, backend });
  const app = createApp({
    pool,
    config,
    jobTypes,
    log,
    clock,
    newId,
    process: life,
    metrics,
    queueReady: async () => {
      await backend.ping();
    },
    bulkAccepted: entries.enqueueBulk,
    board,
  });
  const listening = await listen(app, { host: config.host, port: config.port });
  const host = config.host.includes(":") ? `[${config.host}]` : config.host;
  const url = `http://${host}:${listening.port}`;
  log.event("process.listening", { url });
  return {
    url,
    stop: async (timeoutMs) => {
      await listening.close(timeoutMs);
      await entries.settled();
      metrics.clear();
      return { aborted: 0 };
    },
  };
}
