// A process of its own that opens the embedded stores named on its command line, says what it got, and closes them when its
// input ends. Usage: open-stores.ts <data dir> postgres|redis…
import { once } from "node:events";
import { silentLog } from "../../../src/observe/log.ts";
import { openPostgres } from "../../../src/postgres/embedded/open-postgres.ts";
import { openRedis } from "../../../src/queue/open-redis.ts";

const [dataDir = "", ...stores] = process.argv.slice(2);
const opened = await Promise.all(
  stores.map((store) => (store === "postgres" ? openPostgres : openRedis)({ dataDir, log: silentLog })),
);
process.stdout.write(`${JSON.stringify(opened.map((store) => ({ ...store, pid: process.pid })))}\n`);
process.stdin.resume();
await once(process.stdin, "end");
await Promise.all(opened.map((store) => store.close()));
