// Sluice as `npm start` runs it, every role in it; the benchmark around it speaks to it over HTTP only.

import { readFile } from "node:fs/promises";
import { parseConfig } from "../../src/config/config.ts";
import { createLogger } from "../../src/observe/log.ts";
import { keysFile } from "../../src/processes/bootstrap.ts";
import type { FirstKeys } from "../../src/processes/bootstrap.ts";
import { startWithLanesApart } from "../../src/processes/lanes-apart.ts";
import { answerRequests } from "../children.ts";

const config = parseConfig(process.env);
const service = await startWithLanesApart(
  config,
  createLogger({ level: config.logLevel, format: "line", fieldCharsMax: 200 }),
);
const keys = JSON.parse(await readFile(keysFile(config.dataDir), "utf8")) as FirstKeys;

answerRequests(
  () => Promise.resolve({ url: service.url, key: keys.default, pids: service.pids() }),
  () => service.close(),
);
