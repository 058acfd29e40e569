// The control connection: one per process, beside the pool. It hears the notifications, and the short statements that keep a
// process permitted and alive run on it, so that a pool full of uploads can never starve them.
//
// What must hold: silence means news. PostgreSQL forgets notifications for a session that is gone, so after every reconnect
// the subscribers are told to read again what they cache. A connection whose other end has vanished without a word (a pulled
// cable, a frozen proxy) looks idle; a beat with a deadline finds it out within seconds and the socket is destroyed.
import { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { limits } from "../config/limits.ts";
import { ServiceError } from "../domain/errors.ts";
import { errorFields } from "../observe/error-fields.ts";
import type { Log } from "../observe/log.ts";
import { databaseFault, typeParsers } from "./pool.ts";

/** flags: '' · work: id of a queue · budget: id of a queue or '' · cancel: id of a job, `bulk:<id>`, or `message-batches` · alert: '' or `overrun`. */
export type Channel = "sluice_flags" | "sluice_work" | "sluice_budget" | "sluice_cancel" | "sluice_alert";
const listen =
  "LISTEN sluice_flags; LISTEN sluice_work; LISTEN sluice_budget; LISTEN sluice_cancel; LISTEN sluice_alert";

interface ListenerOptions {
  readonly applicationName: string;
  readonly log: Log;
  /** Between two beats on an idle connection. */
  readonly beatMs?: number;
  /** What does not answer within this time is dead. */
  readonly deadlineMs?: number;
}

interface Session {
  readonly client: pg.Client;
  readonly socket: Socket;
  /** Ends with the last statement asked for: a connection runs one at a time. */
  tail: Promise<unknown>;
}

export class Listener {
  readonly #url: string;
  readonly #options: Required<ListenerOptions>;
  readonly #heard = new Map<string, Set<(payload: string) => void>>();
  readonly #reconnected = new Set<() => void>();
  readonly #stopped = new AbortController();
  #session: Session | undefined;
  #connecting: Promise<void> | undefined;
  #beat: NodeJS.Timeout | undefined;
  #connections = 0;

  constructor(url: string, options: ListenerOptions) {
    this.#url = url;
    this.#options = { beatMs: limits.listenerBeatMs, deadlineMs: limits.listenerDeadlineMs, ...options };
  }

  /** Connects, and keeps connected until `stop`. Resolves with the first connection, however long that takes. */
  start(): Promise<void> {
    this.#connecting ??= this.#connect();
    return this.#connecting;
  }

  get connected(): boolean {
    return this.#session !== undefined;
  }

  /** Calls `hear` with the payload of every notification of the channel. Returns how to stop that. */
  on(channel: Channel, hear: (payload: string) => void): () => void {
    const all = this.#heard.get(channel) ?? new Set();
    this.#heard.set(channel, all.add(hear));
    return () => all.delete(hear);
  }

  /** Calls `fn` whenever the connection is there again: notifications in between are lost, so caches must be read anew. */
  onReconnect(fn: () => void): () => void {
    this.#reconnected.add(fn);
    return () => this.#reconnected.delete(fn);
  }

  /**
   * Runs a short statement on this connection, under its deadline.
   * @throws ServiceError database_unavailable when not connected, or when the deadline passes and the connection is given up
   */
  async run<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const session = this.#session;
    if (session === undefined)
      throw new ServiceError("database_unavailable", { retryAfterS: limits.storeRetryAfterS });
    const settled = new AbortController();
    const late = sleep(this.#options.deadlineMs, undefined, { signal: settled.signal }).then(
      () => {
        const error = new ServiceError("database_unavailable", { retryAfterS: limits.storeRetryAfterS });
        this.#lose(session, error);
        throw error;
      },
      () => new Promise<never>(() => undefined),
    );
    try {
      const turn = session.tail.then(() => work(session.client));
      session.tail = turn.catch(() => undefined);
      return await Promise.race([turn, late]);
    } catch (error) {
      throw databaseFault(error);
    } finally {
      settled.abort();
    }
  }

  /** Ends the connection for good. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    clearTimeout(this.#beat);
    const session = this.#session;
    this.#session = undefined;
    if (session === undefined) return;
    await Promise.race([
      session.client.end().catch(() => undefined),
      sleep(this.#options.deadlineMs, undefined, { ref: false }),
    ]);
    session.socket.destroy();
  }

  // oxlint-disable no-await-in-loop -- one try after the other is the point
  async #connect(): Promise<void> {
    for (let pauseMs: number = limits.listenerBackoffMinMs; !this.#isStopped(); pauseMs *= 2) {
      try {
        await this.#open();
        return;
      } catch (error) {
        if (this.#isStopped()) return;
        if (pauseMs === limits.listenerBackoffMinMs)
          this.#options.log.event("database.connection_lost", errorFields(databaseFault(error)));
        const waitMs = Math.min(pauseMs, limits.listenerBackoffMaxMs);
        await sleep(waitMs, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
      }
    }
  }

  // oxlint-enable no-await-in-loop

  async #open(): Promise<void> {
    const socket = new Socket();
    const client = new pg.Client({
      connectionString: this.#url,
      application_name: this.#options.applicationName,
      types: typeParsers,
      keepAlive: true,
      keepAliveInitialDelayMillis: this.#options.beatMs,
      connectionTimeoutMillis: this.#options.deadlineMs,
      statement_timeout: this.#options.deadlineMs,
      stream: () => socket,
    });
    const session: Session = { client, socket, tail: Promise.resolve() };
    client.on("error", (error) => this.#lose(session, error));
    client.on("end", () => this.#lose(session, undefined));
    client.on("notification", ({ channel, payload }) => this.#hear(channel, payload ?? ""));
    try {
      await client.connect();
      await client.query(listen);
    } catch (error) {
      socket.destroy();
      throw error;
    }
    if (this.#isStopped()) {
      await client.end();
      return;
    }
    this.#session = session;
    this.#connections += 1;
    this.#scheduleBeat();
    if (this.#connections > 1) for (const tell of this.#reconnected) tell();
  }

  // Both a failing socket and a missed deadline land here, often for the same session: only the first time counts.
  #lose(session: Session, error: Error | undefined): void {
    if (this.#session !== session) return;
    this.#session = undefined;
    clearTimeout(this.#beat);
    session.socket.destroy();
    if (this.#isStopped()) return;
    this.#options.log.event("database.connection_lost", errorFields(error));
    this.#connecting = this.#connect();
  }

  #hear(channel: string, payload: string): void {
    for (const hear of this.#heard.get(channel) ?? []) hear(payload);
  }

  #scheduleBeat(): void {
    this.#beat = setTimeout(() => {
      this.run((client) => client.query("SELECT")).then(
        () => this.#session !== undefined && this.#scheduleBeat(),
        () => undefined, // The connection has been given up; its successor starts its own beat.
      );
    }, this.#options.beatMs);
    this.#beat.unref();
  }

  #isStopped(): boolean {
    return this.#stopped.signal.aborted;
  }
}
