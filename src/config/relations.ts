// How settings depend on each other and on the limits: what would parse and could not work is refused at start, with the setting to
// blame.
import type { FieldError } from "../domain/errors.ts";
import { limits } from "./limits.ts";

/** The settings that stand in a relation; a part of Config, named apart so that the files do not need each other. */
export interface RelatedSettings {
  readonly alertWebhookUrl?: string | undefined;
  readonly alertWebhookSecret?: string | undefined;
  readonly attemptsMax: number;
  readonly triesMax: number;
  readonly retryBaseMs: number;
  readonly retryCapMs: number;
  readonly retryAfterMaxMs: number;
  readonly batchLinesMax: number;
  readonly batchBytesMax: number;
  readonly batchCreateTimeoutMs: number;
  readonly createVisibilityMs: number;
  readonly listingGapMs: number;
  readonly voidHoldMs: number;
  readonly pollMinMs: number;
  readonly pollMaxMs: number;
  readonly uploadBytesMax: number;
  readonly lineBytesMax: number;
  readonly jobAgeMaxMs: number;
  readonly processLeaseMs: number;
  readonly dispatchLeaseMs: number;
  readonly permissionMs: number;
}

/** The relations that must hold, each with the setting to blame and the sentence that says why. */
export function relationFaults(settings: RelatedSettings): FieldError[] {
  const s = settings;
  const rules: readonly (readonly [holds: boolean, field: string, reason: string])[] = [
    [
      s.permissionMs <= s.processLeaseMs,
      "SLUICE_PERMISSION_MS",
      "must not outlive SLUICE_PROCESS_LEASE_MS: a dead process may not be permitted",
    ],
    [
      s.dispatchLeaseMs > limits.windowSeconds * 1_000,
      "SLUICE_DISPATCH_LEASE_MS",
      `must be longer than the window of ${limits.windowSeconds} s, or waiting entries are dispatched twice`,
    ],
    [
      s.triesMax >= s.attemptsMax,
      "SLUICE_TRIES_MAX",
      "must be at least SLUICE_ATTEMPTS_MAX: a paid attempt is also a try",
    ],
    [s.retryBaseMs <= s.retryCapMs, "SLUICE_RETRY_BASE_MS", "must not be above SLUICE_RETRY_CAP_MS"],
    [s.retryAfterMaxMs >= s.retryCapMs, "SLUICE_RETRY_AFTER_MAX_MS", "must be at least SLUICE_RETRY_CAP_MS"],
    [s.pollMinMs <= s.pollMaxMs, "SLUICE_POLL_MIN_MS", "must not be above SLUICE_POLL_MAX_MS"],
    [
      s.lineBytesMax <= s.uploadBytesMax,
      "SLUICE_LINE_BYTES_MAX",
      "must not be above SLUICE_UPLOAD_BYTES_MAX",
    ],
    [
      s.lineBytesMax <= s.batchBytesMax,
      "SLUICE_LINE_BYTES_MAX",
      "must not be above SLUICE_BATCH_BYTES_MAX: a line has to fit into a batch",
    ],
    [
      s.listingGapMs < s.createVisibilityMs,
      "SLUICE_LISTING_GAP_MS",
      "must be shorter than SLUICE_CREATE_VISIBILITY_MS",
    ],
    [
      s.voidHoldMs > s.createVisibilityMs + s.listingGapMs + s.batchCreateTimeoutMs,
      "SLUICE_VOID_HOLD_MS",
      "must be longer than creating, SLUICE_CREATE_VISIBILITY_MS and SLUICE_LISTING_GAP_MS together: money in doubt stays held",
    ],
    [
      s.alertWebhookUrl === undefined || s.alertWebhookSecret !== undefined,
      "ALERT_WEBHOOK_SECRET",
      "is needed with ALERT_WEBHOOK_URL: an alert that anybody could have written is worth nothing",
    ],
    [
      s.jobAgeMaxMs > s.retryAfterMaxMs,
      "SLUICE_JOB_AGE_MAX_MS",
      "must be longer than SLUICE_RETRY_AFTER_MAX_MS, or waiting jobs expire",
    ],
  ];
  return rules.filter(([holds]) => !holds).map(([, field, reason]) => ({ field, reason }));
}
