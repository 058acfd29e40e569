import { mix } from "./chance.ts";

/** Makes ids in the shapes the real API uses. Unique by a counter, unguessable-looking by the seed. */
export interface Ids {
  request(): string;
  worker(): string;
  message(): string;
  batch(): string;
  toolUse(): string;
  serverToolUse(): string;
}

const partOf = (hash: number): string => hash.toString(36).padStart(7, "0");

export const createIds = (seed: number): Ids => {
  let count = 0;
  const next = (prefix: string): string => {
    count += 1;
    return `${prefix}01${partOf(mix(seed, count))}${partOf(mix(count, seed))}${count.toString(36).padStart(7, "0")}`;
  };
  return {
    request: () => next("req_"),
    worker: () => next("workerreq_"),
    message: () => next("msg_"),
    batch: () => next("msgbatch_"),
    toolUse: () => next("toolu_"),
    serverToolUse: () => next("srvtoolu_"),
  };
};
