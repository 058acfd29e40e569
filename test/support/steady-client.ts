// A connection for looking at the truth that outlives its server: when PostgreSQL was killed under it, the next question opens a new one.
// Questions are asked again, so they must be such that asking twice does no harm.

import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";

/** Whatever rows can be asked of. */
export interface Queryable {
  query<R extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<pg.QueryResult<R>>;
}

const againAfterMs = 50;
/** A server that was killed has recovered by then, also on a busy machine. */
const giveUpMs = 30_000;

export class SteadyClient implements Queryable {
  readonly #url: string;
  #opened: Promise<pg.Client> | undefined;
  #ended = false;
  /** The question before: they are asked one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(url: string) {
    this.#url = url;
  }

  async query<R extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<pg.QueryResult<R>> {
    const deadline = performance.now() + giveUpMs;
    for (;;) {
      // oxlint-disable no-await-in-loop -- one try after the other
      const opened = (this.#opened ??= open(this.#url));
      try {
        const answer = this.#last.then(async () => (await opened).query<R>(text, values));
        this.#last = answer.catch(() => undefined);
        return await answer;
      } catch (error) {
        if (this.#ended || isAnswer(error) || performance.now() > deadline) throw error;
        if (this.#opened === opened) this.#opened = undefined;
        void opened.then((client) => client.end()).catch(() => undefined);
        await sleep(againAfterMs);
      }
      // oxlint-enable no-await-in-loop
    }
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#opened?.then((client) => client.end()).catch(() => undefined);
  }
}

async function open(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/** The server has understood the question and said no; whatever else went wrong is the connection or the server's state. */
function isAnswer(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^[0-9A-Z]{5}$/.test(code) && !/^(08|57P)/.test(code);
}
