// One process of Sluice with the roles of its environment; it answers nothing and ends when it is told to.

import { parseConfig } from "../../src/config/config.ts";
import { createLogger } from "../../src/observe/log.ts";
import { startService } from "../../src/processes/service.ts";
import { answerRequests } from "../children.ts";

const config = parseConfig(process.env);
const log = createLogger({ level: config.logLevel, format: "line", fieldCharsMax: 200 });
const service = await startService(config, log);

answerRequests(
  () => Promise.resolve({}),
  () => service.close(),
);
