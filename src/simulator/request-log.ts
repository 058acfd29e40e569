/**
 * The log of every request that reached the API side of the simulator: a bounded ring with running counts, for tests that
 * must know who called what, when and how often. It holds hashes of keys and bodies, never prompts.
 */
import type { VirtualClock } from "./clock.ts";

export interface LogEntry {
  readonly number: number;
  readonly requestId: string;
  /** Real wall clock: when the request line arrived. */
  readonly receivedMs: number;
  readonly at: string;
  readonly method: string;
  readonly path: string;
  /** The path with ids replaced, by which counts are kept. */
  endpoint: string;
  readonly retryCount: number;
  keyHash: string | null;
  model: string | null;
  /** Lines of a create. */
  customIds: number | null;
  /** `metadata.user_id` of a call, else "sim-marker:…" in its text; the first custom_id of a create. */
  marker: string | null;
  bodyHash: string | null;
  bodyBytes: number;
  batchId: string | null;
  billedNano: bigint | null;
  /** Null while it runs and when the connection ended without an answer. */
  status: number | null;
  fault: string | null;
  /** Real milliseconds from arrival to the end of the answer or of the connection. */
  durationMs: number | null;
  ended: "running" | "answered" | "broken";
}

export interface LogFilter {
  readonly path: string | null;
  readonly method: string | null;
  readonly since: number;
  readonly limit: number;
}

export class RequestLog {
  readonly #clock: VirtualClock;
  readonly #entriesMax: number;
  #entries: LogEntry[] = [];
  readonly #counts = new Map<string, Map<string, number>>();
  readonly #running = new Map<string, { now: number; high: number }>();
  readonly tokens = { input: 0, cacheWrite: 0, cacheRead: 0, output: 0 };
  #count = 0;
  #now = 0;
  #high = 0;

  constructor(clock: VirtualClock, entriesMax: number) {
    this.#clock = clock;
    this.#entriesMax = entriesMax;
  }

  begin(request: {
    readonly requestId: string;
    readonly method: string;
    readonly path: string;
    readonly endpoint: string;
    readonly retryCount: number;
  }): LogEntry {
    this.#count += 1;
    const entry: LogEntry = {
      number: this.#count,
      ...request,
      receivedMs: Date.now(),
      at: this.#clock.iso(),
      keyHash: null,
      model: null,
      customIds: null,
      marker: null,
      bodyHash: null,
      bodyBytes: 0,
      batchId: null,
      billedNano: null,
      status: null,
      fault: null,
      durationMs: null,
      ended: "running",
    };
    this.#entries.push(entry);
    if (this.#entries.length > this.#entriesMax * 1.25)
      this.#entries = this.#entries.slice(-this.#entriesMax);
    this.#now += 1;
    this.#high = Math.max(this.#high, this.#now);
    const running = this.#runningOf(entry.endpoint);
    running.now += 1;
    running.high = Math.max(running.high, running.now);
    return entry;
  }

  end(entry: LogEntry, ended: "answered" | "broken"): void {
    if (entry.ended !== "running") return;
    entry.ended = ended;
    entry.durationMs = Date.now() - entry.receivedMs;
    this.#now -= 1;
    this.#runningOf(entry.endpoint).now -= 1;
    const counts = this.#counts.get(entry.endpoint) ?? new Map<string, number>();
    this.#counts.set(entry.endpoint, counts);
    const outcome = ended === "answered" ? String(entry.status ?? "none") : "broken";
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }

  /** The body of `GET /_sim/requests`. */
  view(filter: LogFilter): Record<string, unknown> {
    const matching = this.#entries.filter(
      (entry) =>
        entry.number > filter.since &&
        (filter.path === null || entry.path.startsWith(filter.path)) &&
        (filter.method === null || entry.method === filter.method),
    );
    const page = matching.slice(0, filter.limit);
    return {
      total: this.#count,
      running: this.#now,
      running_by_endpoint: Object.fromEntries([...this.#running].map(([name, value]) => [name, value.now])),
      concurrency_max: this.#high,
      concurrency_by_endpoint: Object.fromEntries(
        [...this.#running].map(([name, value]) => [name, value.high]),
      ),
      counts: Object.fromEntries(
        [...this.#counts].map(([name, counts]) => [name, Object.fromEntries(counts)]),
      ),
      tokens: {
        input_tokens: this.tokens.input,
        cache_creation_input_tokens: this.tokens.cacheWrite,
        cache_read_input_tokens: this.tokens.cacheRead,
        output_tokens: this.tokens.output,
      },
      requests: page.map(entryView),
      next: matching.length > page.length ? (page.at(-1)?.number ?? null) : null,
    };
  }

  #runningOf(endpoint: string): { now: number; high: number } {
    const known = this.#running.get(endpoint);
    if (known !== undefined) return known;
    const fresh = { now: 0, high: 0 };
    this.#running.set(endpoint, fresh);
    return fresh;
  }
}

const entryView = (entry: LogEntry): Record<string, unknown> => ({
  number: entry.number,
  request_id: entry.requestId,
  received_ms: entry.receivedMs,
  at: entry.at,
  method: entry.method,
  path: entry.path,
  endpoint: entry.endpoint,
  status: entry.status,
  ended: entry.ended,
  fault: entry.fault,
  duration_ms: entry.durationMs,
  retry_count: entry.retryCount,
  key: entry.keyHash,
  model: entry.model,
  custom_ids: entry.customIds,
  marker: entry.marker,
  body_hash: entry.bodyHash,
  body_bytes: entry.bodyBytes,
  batch_id: entry.batchId,
  billed_nano: entry.billedNano?.toString() ?? null,
});
