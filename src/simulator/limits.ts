/**
 * Rate limits: one token bucket each for requests, input and output tokens per model pool, filled continuously up to its
 * capacity on the virtual clock. All keys belong to one organisation and share them.
 *
 * Input is estimated when a request is admitted and corrected when its usage is known (cache reads are given back).
 * Output is counted after the fact: a request is admitted while the bucket is above zero and may draw it below; max_tokens
 * plays no part. A refused request takes nothing.
 */
import { ApiError } from "./api-error.ts";
import type { VirtualClock } from "./clock.ts";
import { patchLimits } from "./limit-settings.ts";
import type { LimitSettings, LimitsPatch } from "./limit-settings.ts";

export class Bucket {
  perMinute: number;
  capacity: number;
  #level: number;
  #atMs: number;

  constructor(perMinute: number, bucketSeconds: number, nowMs: number) {
    this.perMinute = perMinute;
    this.capacity = capacityOf(perMinute, bucketSeconds);
    this.#level = this.capacity;
    this.#atMs = nowMs;
  }

  level(nowMs: number): number {
    const filled = this.#level + ((nowMs - this.#atMs) * this.perMinute) / 60_000;
    this.#level = Math.min(this.capacity, filled);
    this.#atMs = nowMs;
    return this.#level;
  }

  take(amount: number, nowMs: number): void {
    this.#level = this.level(nowMs) - amount;
  }

  /** Milliseconds until `amount` is there; more than the bucket can hold counts as a full bucket. */
  waitMs(amount: number, nowMs: number): number {
    const missing = Math.min(amount, this.capacity) - this.level(nowMs);
    return missing <= 0 ? 0 : Math.ceil((missing * 60_000) / this.perMinute);
  }

  resize(perMinute: number, bucketSeconds: number, nowMs: number): void {
    this.level(nowMs);
    this.perMinute = perMinute;
    this.capacity = capacityOf(perMinute, bucketSeconds);
    this.#level = Math.min(this.#level, this.capacity);
  }
}

const capacityOf = (perMinute: number, bucketSeconds: number): number =>
  Math.max(1, (perMinute * bucketSeconds) / 60);

export interface Pool {
  readonly name: string;
  readonly requests: Bucket;
  readonly input: Bucket;
  readonly output: Bucket;
}

export class Limits {
  readonly organization = "5eed5eed-0000-4000-8000-00000000051c";
  settings: LimitSettings;
  readonly batch: Bucket;
  readonly countTokens: Bucket;
  readonly #clock: VirtualClock;
  readonly #pools = new Map<string, Pool>();

  constructor(settings: LimitSettings, clock: VirtualClock) {
    this.settings = settings;
    this.#clock = clock;
    this.batch = new Bucket(settings.batchRpm, settings.bucketSeconds, clock.now());
    this.countTokens = new Bucket(settings.countTokensRpm, settings.bucketSeconds, clock.now());
  }

  pool(name: string): Pool {
    const known = this.#pools.get(name);
    if (known !== undefined) return known;
    const limit = this.settings.pools[name] ?? this.settings.standard;
    const bucket = (perMinute: number): Bucket =>
      new Bucket(perMinute, this.settings.bucketSeconds, this.#clock.now());
    const pool: Pool = {
      name,
      requests: bucket(limit.rpm),
      input: bucket(limit.itpm),
      output: bucket(limit.otpm),
    };
    this.#pools.set(name, pool);
    return pool;
  }

  /** Takes one request and the estimated input, or throws the 429 that names the limit in the way. */
  admit(pool: Pool, inputTokens: number, model: string): void {
    const now = this.#clock.now();
    const waits = [
      { what: `${group(pool.requests.perMinute)} requests per minute`, waitMs: pool.requests.waitMs(1, now) },
      {
        what: `${group(pool.input.perMinute)} input tokens per minute`,
        waitMs: pool.input.waitMs(inputTokens, now),
      },
      {
        what: `${group(pool.output.perMinute)} output tokens per minute`,
        waitMs: pool.output.waitMs(1, now),
      },
    ];
    const worst = waits.reduce((left, right) => (right.waitMs > left.waitMs ? right : left));
    if (worst.waitMs > 0)
      throw this.exceeded(`${worst.what} (org: ${this.organization}, model: ${model})`, worst.waitMs);
    pool.requests.take(1, now);
    pool.input.take(inputTokens, now);
  }

  /** Corrects the estimate by what the answer really used. */
  settle(
    pool: Pool,
    estimateTokens: number,
    usage: { readonly inputCounted: number; readonly output: number },
  ): void {
    const now = this.#clock.now();
    pool.input.take(usage.inputCounted - estimateTokens, now);
    pool.output.take(usage.output, now);
  }

  /** Takes one request from a bucket that counts requests only (batches, count_tokens). */
  admitOne(bucket: Bucket, what: string): void {
    const now = this.#clock.now();
    const waitMs = bucket.waitMs(1, now);
    if (waitMs > 0)
      throw this.exceeded(
        `${group(bucket.perMinute)} ${what} per minute (org: ${this.organization})`,
        waitMs,
      );
    bucket.take(1, now);
  }

  exceeded(limit: string, waitMs: number): ApiError {
    const message = `This request would exceed your organization's rate limit of ${limit}. Please reduce the prompt length or the number of requests, or try again later.`;
    const headers = {
      "retry-after": String(Math.max(1, Math.ceil(waitMs / 1_000))),
      "x-should-retry": "true",
    };
    return new ApiError({ status: 429, type: "rate_limit_error", message, headers });
  }

  /** Lays new numbers over the old; levels stay, cut to the new capacity. */
  change(patch: LimitsPatch): void {
    const now = this.#clock.now();
    this.settings = patchLimits(this.settings, patch);
    const seconds = this.settings.bucketSeconds;
    this.batch.resize(this.settings.batchRpm, seconds, now);
    this.countTokens.resize(this.settings.countTokensRpm, seconds, now);
    for (const pool of this.#pools.values()) {
      const limit = this.settings.pools[pool.name] ?? this.settings.standard;
      pool.requests.resize(limit.rpm, seconds, now);
      pool.input.resize(limit.itpm, seconds, now);
      pool.output.resize(limit.otpm, seconds, now);
    }
  }

  /** Levels of every pool that was used, for `GET /_sim/limits`. */
  levels(): Record<string, { requests: number; input_tokens: number; output_tokens: number }> {
    const now = this.#clock.now();
    return Object.fromEntries(
      [...this.#pools.values()].map((pool) => [
        pool.name,
        {
          requests: Math.floor(pool.requests.level(now)),
          input_tokens: Math.floor(pool.input.level(now)),
          output_tokens: Math.floor(pool.output.level(now)),
        },
      ]),
    );
  }
}

const group = (value: number): string => value.toLocaleString("en-US");
