// Every setting: its environment name, its schema, its default and one sentence. This table is the only list; config.ts
// parses by it, scripts/check-config.ts prints by it and docs/configuration.md is tested against it. Numbers carry their
// unit in the name. An empty value counts as not set, because that is what compose files make of a missing one.
import { z } from "zod";
import { unbudgetedRules } from "../domain/budget.ts";
import { limits } from "./limits.ts";
import { oneOf, secret, setting, signingSecret, text, urlOf, usd, whole } from "./setting-kinds.ts";

/** What a process can do; `npm start` does all of it in one. */
export const roles = ["api", "dispatcher", "worker", "batcher"] as const;

const roleList = text
  .transform((value) =>
    [...new Set(value.split(",").map((part) => part.trim()))].filter((part) => part !== ""),
  )
  .pipe(
    z
      .array(z.enum(roles, { error: `must be a comma list of ${roles.join(", ")}` }))
      .min(1, "must name at least one role"),
  )
  .readonly()
  .default([...roles]);

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

export const settingsSchema = z
  .object({
    databaseUrl: secret(
      "DATABASE_URL",
      urlOf(["postgres", "postgresql"], "postgres://user@host/name").optional(),
      "PostgreSQL, the truth; without it an embedded server runs under the data directory.",
    ),
    redisUrl: secret(
      "REDIS_URL",
      urlOf(["redis", "rediss"], "redis://host:6379").optional(),
      "Redis for the queue; without it a redis-server of this machine is started, else PostgreSQL is the queue.",
    ),
    anthropicApiKey: secret(
      "ANTHROPIC_API_KEY",
      text.min(1).optional(),
      "The provider's key; without it nothing is sent to the real API.",
    ),
    anthropicAdminKey: secret(
      "ANTHROPIC_ADMIN_KEY",
      text.min(1).optional(),
      "The organisation's admin key, for `sluice reconcile` and `sluice recover` only: reads the provider's usage report, never sends work.",
    ),
    alertWebhookUrl: secret(
      "ALERT_WEBHOOK_URL",
      urlOf(["https", "http"], "https://alerts.example.com/sluice").optional(),
      "Where alerts are sent, signed; without it they are lines of the log and no more.",
    ),
    alertWebhookSecret: secret(
      "ALERT_WEBHOOK_SECRET",
      signingSecret.optional(),
      "Signs alerts by the Standard Webhooks scheme: whsec_ and 24 to 64 bytes in base64.",
    ),
    providerUrl: setting(
      "SLUICE_PROVIDER_URL",
      urlOf(["https", "http"], "https://api.anthropic.com").default("https://api.anthropic.com"),
      "Where the provider answers. ANTHROPIC_BASE_URL is never read, so that nothing but this decides where content goes.",
    ),
    dataDir: setting(
      "SLUICE_DATA_DIR",
      text.min(1).default("./.sluice"),
      "Embedded stores, connection file and session secret.",
    ),
    host: setting("SLUICE_HOST", text.min(1).default("127.0.0.1"), "Address the API listens on."),
    port: setting("SLUICE_PORT", whole(0, 65_535, 3_000), "Port the API listens on; 0 takes a free one."),
    publicUrl: setting(
      "SLUICE_PUBLIC_URL",
      urlOf(["https", "http"], "https://sluice.example.com").optional(),
      "How callers reach the API; links in answers begin with it.",
    ),
    roles: setting("SLUICE_ROLES", roleList, "What this process does."),
    concurrency: setting(
      "SLUICE_CONCURRENCY",
      whole(1, 1_000, 50),
      "Realtime calls at once per worker process.",
    ),
    requestsPerMinute: setting(
      "SLUICE_REQUESTS_PER_MINUTE",
      whole(1, 1_000_000, 1_000),
      "Pace per credential until the provider's headers say more.",
    ),
    callTimeoutMs: setting(
      "SLUICE_CALL_TIMEOUT_MS",
      whole(100, 30 * minuteMs, 120_000),
      "Own deadline of one realtime call; then its socket is closed.",
    ),
    attemptsMax: setting("SLUICE_ATTEMPTS_MAX", whole(1, 20, 3), "Paid or possibly paid attempts per job."),
    triesMax: setting(
      "SLUICE_TRIES_MAX",
      whole(1, 1_000, 10),
      "Tries per job including unpaid ones that failed by the provider's fault.",
    ),
    retryBaseMs: setting(
      "SLUICE_RETRY_BASE_MS",
      whole(1, hourMs, 1_000),
      "First backoff; doubled each time, with full jitter.",
    ),
    retryCapMs: setting(
      "SLUICE_RETRY_CAP_MS",
      whole(1, hourMs, 60_000),
      "Longest backoff of our own choice.",
    ),
    retryAfterMaxMs: setting(
      "SLUICE_RETRY_AFTER_MAX_MS",
      whole(1, dayMs, 5 * minuteMs),
      "Longest retry-after of the provider that is followed.",
    ),
    batchLinesMax: setting(
      "SLUICE_BATCH_LINES_MAX",
      whole(1, limits.providerBatchLinesMax, 10_000),
      "Lines of one message batch.",
    ),
    batchBytesMax: setting(
      "SLUICE_BATCH_BYTES_MAX",
      whole(1_000, limits.providerBatchBytesMax, 32_000_000),
      "Bytes of one message batch.",
    ),
    batchLingerMs: setting(
      "SLUICE_BATCH_LINGER_MS",
      whole(0, dayMs, 5_000),
      "How long the collector waits for more lines of an unfinished bulk.",
    ),
    batchDeadlineMinMs: setting(
      "SLUICE_BATCH_DEADLINE_MIN_MS",
      whole(0, 7 * dayMs, 2 * hourMs),
      "A job whose deadline is nearer than this runs in the realtime lane.",
    ),
    batchCreateTimeoutMs: setting(
      "SLUICE_BATCH_CREATE_TIMEOUT_MS",
      whole(100, hourMs, 10 * minuteMs),
      "Deadline of one create call, upload included; then the batch is in doubt.",
    ),
    createVisibilityMs: setting(
      "SLUICE_CREATE_VISIBILITY_MS",
      whole(1, dayMs, 30 * minuteMs),
      "Within this time the provider lists a batch it has accepted.",
    ),
    listingGapMs: setting(
      "SLUICE_LISTING_GAP_MS",
      whole(1, dayMs, 5 * minuteMs),
      "Between the two complete listings that make a doubtful batch void.",
    ),
    voidHoldMs: setting(
      "SLUICE_VOID_HOLD_MS",
      whole(1, 7 * dayMs, 25 * hourMs),
      "How long a void batch keeps its hold: longer than the provider could still bill it.",
    ),
    pollMinMs: setting(
      "SLUICE_POLL_MIN_MS",
      whole(10, hourMs, 2_000),
      "Shortest time between two polls of a message batch.",
    ),
    pollMaxMs: setting(
      "SLUICE_POLL_MAX_MS",
      whole(10, hourMs, 60_000),
      "Longest time between two polls of a message batch.",
    ),
    uploadLinesMax: setting("SLUICE_UPLOAD_LINES_MAX", whole(1, 10_000_000, 1_000_000), "Lines of one bulk."),
    uploadBytesMax: setting(
      "SLUICE_UPLOAD_BYTES_MAX",
      whole(1_000, 20_000_000_000, 2_000_000_000),
      "Bytes of one bulk after decompression.",
    ),
    lineBytesMax: setting(
      "SLUICE_LINE_BYTES_MAX",
      whole(1_000, limits.providerRequestBytesMax, 4_000_000),
      "Bytes of one line; messages may hold images.",
    ),
    jobAgeMaxMs: setting(
      "SLUICE_JOB_AGE_MAX_MS",
      whole(1_000, 90 * dayMs, 7 * dayMs),
      "A job older than this expires.",
    ),
    idempotencyTtlMs: setting(
      "SLUICE_IDEMPOTENCY_TTL_MS",
      whole(1_000, 30 * dayMs, 48 * hourMs),
      "How long an Idempotency-Key is remembered.",
    ),
    processLeaseMs: setting(
      "SLUICE_PROCESS_LEASE_MS",
      whole(200, 10 * minuteMs, 10_000),
      "A process that has not shown itself for so long is dead.",
    ),
    dispatchLeaseMs: setting(
      "SLUICE_DISPATCH_LEASE_MS",
      whole(200, hourMs, 30_000),
      "A dispatched job that no worker has claimed by then is dispatched again.",
    ),
    permissionMs: setting(
      "SLUICE_PERMISSION_MS",
      whole(50, 3_000, 3_000),
      "How long a process may start calls after it last read the flags.",
    ),
    rampMs: setting(
      "SLUICE_RAMP_MS",
      whole(0, 10 * minuteMs, 10_000),
      "How long work takes to come back to its full width after its stop was lifted: long enough to be stopped again.",
    ),
    breakerFactor: setting(
      "SLUICE_BREAKER_FACTOR",
      whole(0, 1_000, 5),
      "Spend of an hour above so many times the median hour of the last 7 days pauses a queue or tenant; 0: never.",
    ),
    breakerFloorUsd: setting(
      "SLUICE_BREAKER_FLOOR_USD",
      usd.default(5_000_000_000n),
      "Below this in an hour the median rule says nothing.",
    ),
    breakerHourlyUsd: setting(
      "SLUICE_BREAKER_HOURLY_USD",
      usd.optional(),
      "Spend of an hour above this pauses a queue or tenant, whatever is usual there.",
    ),
    breakerFailurePct: setting(
      "SLUICE_BREAKER_FAILURE_PCT",
      whole(0, 100, 50),
      "A share of failed paid attempts above this pauses a queue or tenant; 0: never.",
    ),
    breakerRetryPct: setting(
      "SLUICE_BREAKER_RETRY_PCT",
      whole(0, 100, 50),
      "A share of repeated paid attempts above this pauses a queue or tenant; 0: never.",
    ),
    breakerAttemptsMin: setting(
      "SLUICE_BREAKER_ATTEMPTS_MIN",
      whole(1, limits.breakerEntriesMax, 100),
      "Paid attempts that make a sample for these shares.",
    ),
    drainTimeoutMs: setting(
      "SLUICE_DRAIN_TIMEOUT_MS",
      whole(0, hourMs, 25_000),
      "How long calls in flight may finish after SIGTERM; then they are aborted and requeued.",
    ),
    unbudgeted: setting(
      "SLUICE_UNBUDGETED",
      oneOf(...unbudgetedRules).default("refuse"),
      "Work that no budget covers: refuse keeps it waiting until one is set, allow runs it without a ceiling.",
    ),
    countTokens: setting(
      "SLUICE_COUNT_TOKENS",
      oneOf("when_bound", "never").default("when_bound"),
      "Whether requests that find no room under a ceiling are counted by the provider, free of charge, to hold less for them.",
    ),
    countRequestsPerMinute: setting(
      "SLUICE_COUNT_REQUESTS_PER_MINUTE",
      whole(1, 100_000, 1_000),
      "Pace of these counts; the provider's smallest limit for them is 2,000.",
    ),
    jobsDir: setting("SLUICE_JOBS_DIR", text.min(1).optional(), "Further job types of your own."),
    logLevel: setting(
      "SLUICE_LOG_LEVEL",
      oneOf("debug", "info", "warn", "error", "silent").default("info"),
      "Least important level that is logged.",
    ),
    logFormat: setting(
      "SLUICE_LOG_FORMAT",
      oneOf("json", "line").default("json"),
      "One JSON object per line, or plain lines for people.",
    ),
    sessionSecret: secret(
      "SLUICE_SESSION_SECRET",
      text.min(32, "must have at least 32 characters").optional(),
      "Signs the board's cookie; without it one is made in the data directory. Give the same to several API processes.",
    ),
    poolMax: setting("SLUICE_POOL_MAX", whole(2, 500, 20), "Database connections per process."),
    queue: setting(
      "SLUICE_QUEUE",
      oneOf("auto", "redis", "postgres").default("auto"),
      "What BullMQ runs on: auto takes Redis where there is one; redis insists on it; postgres never looks for one.",
    ),
    queuePrefix: setting(
      "SLUICE_QUEUE_PREFIX",
      text
        .regex(
          /^[a-z][a-z0-9_-]{0,30}$/,
          "must be 1-31 characters of a-z, 0-9, _ and -, beginning with a letter",
        )
        .default("sluice"),
      "Prefix of all keys of the queue backend: two installations may share a Redis.",
    ),
  })
  .readonly();

/** SLUICE_* names that are not settings of the service: read by scripts and tests, and no mistake where a service sees them. */
export const scriptVariables: Readonly<Record<string, string>> = {
  SLUICE_URL:
    "Where the command line finds the API; without it SLUICE_PUBLIC_URL, else SLUICE_HOST and SLUICE_PORT.",
  SLUICE_KEY:
    "The API key of the command line; without it the first keys, in keys.json of the data directory.",
  SLUICE_TEST_INSTALL:
    "0 forbids tests and benchmarks to install redis-server by the system's package manager.",
};
