// The pace of a credential: so many request starts a minute, spread evenly, shared by halves and thirds.
//
// A token bucket that refills continuously and holds one second's worth, because the provider may enforce a minute's limit by
// the second. Each worker process takes its share of the limit (limit / worker processes), which needs no common counter and
// no round trip. The limit comes from configuration until the provider's headers state one. A 429 closes the pace for everybody
// in this process until `retry-after`; it never closes the queue.
//
// What this does not do, and the shared limiter will: tokens per minute, unequal shares, learning from foreign traffic.

import type { Clock } from "../domain/clock.ts";
import { parseRetryAfter } from "../domain/retry.ts";

export interface PaceOptions {
  clock: Clock;
  /** Request starts per minute of the whole credential. */
  requestsPerMinute: number;
  /** How many worker processes share it now, this one included. */
  sharers(): number;
  retryAfterMaxMs: number;
  /** Called when the limit or the closing changes, with the new requests per minute or the time it is shut. */
  onChange?(change: { requestsPerMinute: number } | { closedMs: number }): void;
}

export interface Pace {
  /** Resolves when a request may start; false if the signal ended the wait. In the order of asking. */
  acquire(signal: AbortSignal): Promise<boolean>;
  /** Gives back a start that was not used: the entry was stale, or its job may not start now. */
  giveBack(): void;
  /** Learns from the headers of any answer. */
  learn(headers: Headers, status: number): void;
  /** Requests per minute in force for the whole credential. */
  requestsPerMinute(): number;
}

const closedAfter429Ms = 1_000;

export function createPace(options: PaceOptions): Pace {
  const { clock } = options;
  let limit = options.requestsPerMinute;
  let tokens = 1;
  let filledAtMs = clock.monotonicMs();
  let closedUntilMs = 0;
  let timer: NodeJS.Timeout | undefined;
  const waiting: { resolve(go: boolean): void; signal: AbortSignal; onAbort(): void }[] = [];

  const perMs = (): number => limit / Math.max(1, options.sharers()) / 60_000;

  function refill(): void {
    const nowMs = clock.monotonicMs();
    tokens = Math.min(Math.max(1, perMs() * 1_000), tokens + (nowMs - filledAtMs) * perMs());
    filledAtMs = nowMs;
  }

  function pump(): void {
    clearTimeout(timer);
    timer = undefined;
    refill();
    const nowMs = clock.monotonicMs();
    const ready = nowMs < closedUntilMs ? 0 : Math.min(waiting.length, Math.floor(tokens));
    tokens -= ready;
    for (const next of waiting.splice(0, ready)) {
      next.signal.removeEventListener("abort", next.onAbort);
      next.resolve(true);
    }
    if (waiting.length > 0) {
      const waitMs = Math.max(closedUntilMs - nowMs, (1 - tokens) / perMs(), 1);
      timer = setTimeout(pump, Math.min(waitMs, 60_000));
    }
  }

  return {
    acquire: (signal) =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve(false);
        const entry = {
          resolve,
          signal,
          onAbort: (): void => {
            waiting.splice(waiting.indexOf(entry), 1);
            resolve(false);
          },
        };
        waiting.push(entry);
        signal.addEventListener("abort", entry.onAbort, { once: true });
        if (timer === undefined) pump();
      }),
    giveBack: () => {
      tokens += 1;
      if (waiting.length > 0) pump();
    },
    learn: (headers, status) => {
      const stated = Number(headers.get("anthropic-ratelimit-requests-limit"));
      if (Number.isFinite(stated) && stated >= 1 && stated !== limit) {
        refill();
        limit = stated;
        options.onChange?.({ requestsPerMinute: limit });
      }
      if (status !== 429) return;
      const askedMs = parseRetryAfter(headers.get("retry-after"), clock.now().getTime()) ?? closedAfter429Ms;
      const closedMs = Math.min(askedMs, options.retryAfterMaxMs);
      closedUntilMs = Math.max(closedUntilMs, clock.monotonicMs() + closedMs);
      tokens = 0;
      options.onChange?.({ closedMs });
    },
    requestsPerMinute: () => limit,
  };
}
