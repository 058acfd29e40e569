// A port for a server that is started later, or again on the same port. One that the system chooses comes from the range that every
// outgoing connection of this machine takes its own from, so it may be gone by then; this one lies below.

import { randomInt } from "node:crypto";
import { freePort } from "../../src/config/data-dir/spawn-server.ts";

const lowest = 12_000;
/** Linux gives connections their ports from 32,768 on, others from 49,152 on. */
const highest = 32_000;

export const quietPort = (): Promise<number> => freePort(randomInt(lowest, highest));
