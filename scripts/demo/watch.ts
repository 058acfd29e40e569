// Looks at the bulk and its queue until all is done, draws what it sees, and tells those who wait for something to happen.
import { setTimeout as delay } from "node:timers/promises";
import { isFinished, parseAnswer, readBulk } from "../../src/cli/bulk-status.ts";
import type { Client } from "../../src/cli/client.ts";
import { queueSchema } from "../../src/cli/queue-status.ts";
import { block, type Picture, summary } from "./progress.ts";
import type { DemoScreen } from "./screen.ts";

const everyMs = 400;

export interface RunWatch {
  /** Resolves with the last picture when every job has its outcome. */
  readonly finished: Promise<Picture>;
  /** Resolves with the first picture for which this holds; null when the work ended or time ran out before. */
  until(holds: (picture: Picture) => boolean, timeoutMs: number): Promise<Picture | null>;
}

interface Waiter {
  readonly holds: (picture: Picture) => boolean;
  readonly deadlineMs: number;
  readonly resolve: (picture: Picture | null) => void;
}

export function watchRun(
  client: Client,
  place: { bulkId: string; queue: string },
  screen: DemoScreen,
): RunWatch {
  const startedMs = performance.now();
  let waiters: Waiter[] = [];
  let ended = false;
  const look = async (): Promise<Picture> => {
    const [bulk, queue] = await Promise.all([
      readBulk(client, place.bulkId),
      client
        .request("GET", `/v1/queues/${place.queue}`)
        .then((answer) => parseAnswer(queueSchema, answer, client.url)),
    ]);
    return { bulk, queue, elapsedMs: performance.now() - startedMs };
  };
  const tell = (picture: Picture): void => {
    ended = isFinished(picture.bulk);
    const waiting = waiters;
    waiters = [];
    for (const waiter of waiting) {
      if (waiter.holds(picture)) waiter.resolve(picture);
      else if (ended || performance.now() > waiter.deadlineMs) waiter.resolve(null);
      else waiters.push(waiter);
    }
  };
  const watch = async (): Promise<Picture> => {
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- one look after the other is what watching is
      const picture = await look();
      screen.draw(block(picture), summary(picture));
      tell(picture);
      if (ended) return picture;
      // oxlint-disable-next-line no-await-in-loop -- as above
      await delay(everyMs);
    }
  };
  const finished = watch();
  finished.catch(() => waiters.forEach(({ resolve }) => resolve(null)));
  return {
    finished,
    until(holds, timeoutMs) {
      if (ended) return Promise.resolve(null);
      return new Promise((resolve) => {
        waiters.push({ holds, deadlineMs: performance.now() + timeoutMs, resolve });
      });
    },
  };
}
