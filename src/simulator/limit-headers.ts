/** The `anthropic-ratelimit-*` headers, sent on answers and on 429s alike. Tokens left are rounded to the nearest thousand. */
import type { Bucket, Pool } from "./limits.ts";

export type Headers = Record<string, string>;

let lastSecond = -1;
let lastText = "";

/** RFC 3339 to the second; the last one is kept, for thousands of answers fall into the same second. */
const timeText = (ms: number): string => {
  const second = Math.ceil(ms / 1_000);
  if (second !== lastSecond) {
    lastSecond = second;
    lastText = new Date(second * 1_000).toISOString().replace(".000Z", "Z");
  }
  return lastText;
};

const write = (
  headers: Headers,
  name: string,
  bucket: Bucket,
  how: { readonly nowMs: number; readonly step: number },
): void => {
  const left = Math.max(0, bucket.level(how.nowMs));
  headers[`anthropic-ratelimit-${name}-limit`] = String(bucket.perMinute);
  headers[`anthropic-ratelimit-${name}-remaining`] = String(
    how.step === 1 ? Math.floor(left) : Math.round(left / how.step) * how.step,
  );
  headers[`anthropic-ratelimit-${name}-reset`] = timeText(
    how.nowMs + bucket.waitMs(bucket.capacity, how.nowMs),
  );
};

export const requestLimitHeaders = (headers: Headers, bucket: Bucket, nowMs: number): void => {
  write(headers, "requests", bucket, { nowMs, step: 1 });
};

export const poolLimitHeaders = (headers: Headers, pool: Pool, nowMs: number): void => {
  requestLimitHeaders(headers, pool.requests, nowMs);
  const tokens = { nowMs, step: 1_000 };
  const inputShare = pool.input.level(nowMs) / pool.input.capacity;
  const outputShare = pool.output.level(nowMs) / pool.output.capacity;
  write(headers, "tokens", inputShare <= outputShare ? pool.input : pool.output, tokens);
  write(headers, "input-tokens", pool.input, tokens);
  write(headers, "output-tokens", pool.output, tokens);
};
