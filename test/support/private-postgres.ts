// A PostgreSQL that belongs to one run of torture, so that it may be killed: the embedded one with its settings but for `fsync`. What
// dies here is the server, never the machine: what it has written is the system's and survives it, and only a power cut would tell the
// difference. With fsync a recovery would first write out every file of every database.

import { isRunning } from "../../src/config/data-dir/process-identity.ts";
import { readServerRecord } from "../../src/config/data-dir/connection-file.ts";
import { openSharedServer } from "../../src/config/data-dir/shared-server.ts";
import type { ServerDriver } from "../../src/config/data-dir/shared-server.ts";
import { startWithRetries, waitUntilReady } from "../../src/config/data-dir/spawn-server.ts";
import { silentLog as log } from "../../src/observe/log.ts";
import { ensureBinaries } from "../../src/postgres/embedded/binaries.ts";
import { answers, ensureCluster, startCluster, stopSignals } from "../../src/postgres/embedded/cluster.ts";
import { copyRootsFor, ensureHome } from "../../src/postgres/embedded/home.ts";
import { clearLeftovers, makeTemplate, newDataDir, removeStores, templateDatabase } from "./servers.ts";
import { waitFor } from "./wait.ts";
import { join } from "node:path";

export interface PrivatePostgres {
  /** The server's own database. */
  readonly postgresUrl: string;
  readonly templateDatabase: string;
  /** SIGKILL, or SIGQUIT, upon which it stops at once without an orderly end. Resolves when another one has recovered and answers. */
  crash(signal: "SIGKILL" | "SIGQUIT"): Promise<void>;
  close(): Promise<void>;
}

export async function openPrivatePostgres(): Promise<PrivatePostgres> {
  await clearLeftovers();
  const dataDir = await newDataDir();
  const options = { dataDir, driver: driverOf(dataDir), log };
  const postgres = await openSharedServer(options);
  let server = await serverOf(dataDir);
  const killWithUs = (): void => kill(server.pid, "SIGQUIT");
  process.once("exit", killWithUs);
  await makeTemplate(postgres.url);
  return {
    postgresUrl: postgres.url,
    templateDatabase,
    crash: async (signal) => {
      kill(server.pid, signal);
      await waitFor("the server to be gone", async () => !(await isRunning(server)));
      // The watch would start it as well, a second later.
      const again = await openSharedServer(options);
      server = await serverOf(dataDir);
      await again.close();
    },
    close: async () => {
      await postgres.close();
      await removeStores(dataDir);
      process.off("exit", killWithUs);
    },
  };
}

function driverOf(dataDir: string): ServerDriver {
  return {
    store: "postgres",
    stopSignals,
    async start(previous) {
      const home = await ensureHome(dataDir, previous?.home);
      const binaries = await ensureBinaries(home.account, copyRootsFor(home));
      await ensureCluster(home, binaries);
      const cluster = await startWithRetries(() =>
        startCluster(home, binaries, previous?.port, { fsync: "off" }),
      );
      return { ...cluster, home: home.path, describe: "PostgreSQL of a torture" };
    },
    async ready({ server, home, url }) {
      if (server !== null) await waitUntilReady(server, join(home, "server.log"), () => answers(url));
    },
  };
}

async function serverOf(dataDir: string) {
  const server = (await readServerRecord(dataDir, "postgres"))?.server;
  if (!server) throw new Error("no server is recorded");
  return server;
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended already.
  }
}
