// The database: the one behind DATABASE_URL, or a PostgreSQL of our own under the data directory. What it means that several
// processes share the embedded one, and who stops it, stands in config/data-dir/shared-server.ts.
import { openSharedServer, stopSharedServer } from "../../config/data-dir/shared-server.ts";
import type { ServerDriver, StoreLog } from "../../config/data-dir/shared-server.ts";
import type { ServerRecord } from "../../config/data-dir/connection-file.ts";
import { startWithRetries, waitUntilReady } from "../../config/data-dir/spawn-server.ts";
import { join } from "node:path";
import { ensureBinaries } from "./binaries.ts";
import { answers, ensureCluster, startCluster, stopSignals } from "./cluster.ts";
import { copyRootsFor, ensureHome } from "./home.ts";

interface PostgresOptions {
  /** DATABASE_URL; without it the embedded server is used. */
  readonly databaseUrl?: string | undefined;
  /** The data directory, usually ./.sluice; made if it is missing. */
  readonly dataDir: string;
  readonly log: StoreLog;
}

export interface OpenedPostgres {
  /** A connection string with its password: never log it. */
  readonly url: string;
  /** `embedded`: started by this process. `embedded-shared`: another one had started it. */
  readonly kind: "external" | "embedded" | "embedded-shared";
  /** For the banner: what it is and where its data is, without secrets. */
  readonly describe: string;
  /** Signs off; the last process that uses the embedded server stops it. */
  close(): Promise<void>;
}

/** Finds the database or starts it. Throws `embedded_failed` with a detail that says what to do. */
export async function openPostgres({ databaseUrl, dataDir, log }: PostgresOptions): Promise<OpenedPostgres> {
  if (databaseUrl !== undefined) {
    return {
      url: databaseUrl,
      kind: "external",
      describe: `PostgreSQL at ${placeOf(databaseUrl)} (DATABASE_URL)`,
      close: () => Promise.resolve(),
    };
  }
  const server = await openSharedServer({ dataDir, driver: postgresDriver(dataDir), log });
  const kind = server.joined ? "embedded-shared" : "embedded";
  return { url: server.url, kind, describe: server.describe, close: () => server.close() };
}

/** Stops the embedded server of a data directory whoever uses it: for the end of a test run or an operator's command. */
export async function stopPostgres({ dataDir, log }: Omit<PostgresOptions, "databaseUrl">): Promise<void> {
  await stopSharedServer({ dataDir, driver: postgresDriver(dataDir), log });
}

function postgresDriver(dataDir: string): ServerDriver {
  return {
    store: "postgres",
    stopSignals,
    async start(previous) {
      const home = await ensureHome(dataDir, previous?.home);
      const binaries = await ensureBinaries(home.account, copyRootsFor(home));
      await ensureCluster(home, binaries);
      const cluster = await startWithRetries(() => startCluster(home, binaries, previous?.port));
      const where = home.elsewhere === undefined ? home.path : `${home.path}, because ${home.elsewhere}`;
      return {
        ...cluster,
        home: home.path,
        describe: `embedded PostgreSQL ${binaries.version.split("-")[0]}, data in ${where}`,
      };
    },
    async ready(record: ServerRecord) {
      if (record.server === null) return;
      await waitUntilReady(record.server, join(record.home, "server.log"), () => answers(record.url));
    },
  };
}

/** Host, port and database of a connection string, without the account. */
function placeOf(databaseUrl: string): string {
  try {
    const { hostname, port, pathname } = new URL(databaseUrl);
    return `${hostname}${port === "" ? "" : `:${port}`}${pathname}`;
  } catch {
    return "a host that is not written as a URL";
  }
}
