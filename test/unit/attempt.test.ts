import { describe, expect, test } from "vitest";
import { attemptOutcomes, classifyError, outcomeRules } from "../../src/domain/attempt.ts";
import type { AttemptOutcome } from "../../src/domain/attempt.ts";
import { finalStates, isFinal, mayMove, openStates } from "../../src/domain/job.ts";
import { parseRetryAfter, retryDelayMs } from "../../src/domain/retry.ts";

describe("every error answer of the provider has one meaning", () => {
  const rows: [number, string | undefined, { code?: string; message?: string }, AttemptOutcome][] = [
    [307, undefined, {}, "provider_error"],
    [400, "invalid_request_error", {}, "invalid_request"],
    [
      400,
      "invalid_request_error",
      { message: "Your credit balance is too low to access the API." },
      "out_of_credit",
    ],
    [
      400,
      "invalid_request_error",
      { message: "You have reached your specified API usage limits. …" },
      "out_of_credit",
    ],
    [
      400,
      "invalid_request_error",
      { message: "You have reached your specified workspace API usage limits." },
      "out_of_credit",
    ],
    [400, "invalid_request_error", { code: "organization_on_hold" }, "credential_refused"],
    [401, "authentication_error", {}, "credential_refused"],
    [402, "billing_error", {}, "out_of_credit"],
    [403, "permission_error", {}, "model_refused"],
    [403, "permission_error", { code: "organization_on_hold" }, "credential_refused"],
    [403, undefined, {}, "credential_refused"],
    [404, "not_found_error", {}, "not_found"],
    [408, undefined, {}, "unknown_end"],
    [502, undefined, {}, "unknown_end"],
    [502, "api_error", {}, "unknown_end"],
    [504, undefined, {}, "unknown_end"],
    [520, undefined, {}, "unknown_end"],
    [524, undefined, {}, "unknown_end"],
    [408, "timeout_error", {}, "provider_error"],
    [409, "conflict_error", {}, "provider_error"],
    [413, "request_too_large", {}, "too_large"],
    [422, undefined, {}, "invalid_request"],
    [429, "rate_limit_error", {}, "rate_limited"],
    [429, "rate_limit_error", { code: "ramp_limit_exceeded" }, "rate_limited"],
    [429, "rate_limit_error", { code: "enforced_spend_limit_reached" }, "spend_limit"],
    [429, "rate_limit_error", { code: "contract_spend_limit_reached" }, "spend_limit"],
    [500, "api_error", {}, "provider_error"],
    [503, undefined, {}, "provider_error"],
    [504, "timeout_error", {}, "provider_error"],
    [529, "overloaded_error", {}, "overloaded"],
    [500, "overloaded_error", {}, "overloaded"],
  ];
  test.each(rows)("%i %s %j is %s", (status, type, more, outcome) => {
    expect(classifyError({ status, ...(type !== undefined && { type }), ...more })).toBe(outcome);
  });

  test("work waits and never fails where the provider, the key or the money is at fault for all of it", () => {
    for (const outcome of [
      "rate_limited",
      "overloaded",
      "credential_refused",
      "out_of_credit",
      "spend_limit",
    ] as const)
      expect(outcomeRules[outcome].next).toBe("wait");
  });

  test("an end that nobody knows is booked at its worst case before anything is tried again", () => {
    for (const outcome of ["unknown_end", "timed_out", "aborted", "lost_worker"] as const)
      expect(outcomeRules[outcome].bill).toBe("worst");
  });

  test("a final outcome names its state, a failure its fault", () => {
    for (const outcome of attemptOutcomes) {
      const rule = outcomeRules[outcome];
      if (rule.next === "final") expect(rule.state).toBeDefined();
      if (rule.state === "failed") expect(rule.fault).toBeDefined();
    }
  });
});

describe("the states of a job", () => {
  test("nothing follows an outcome", () => {
    for (const from of finalStates) {
      expect(isFinal(from)).toBe(true);
      for (const to of [...openStates, ...finalStates]) expect(mayMove(from, to)).toBe(false);
    }
  });
  test("a job that waits cannot be refused, truncated or invalid: nobody has answered it", () => {
    for (const to of ["refused", "truncated", "invalid_output"] as const)
      expect(mayMove("queued", to)).toBe(false);
  });
});

describe("one retry layer, full jitter", () => {
  const times = { baseMs: 100, capMs: 5_000, retryAfterMaxMs: 60_000 };
  test("the wait is drawn from zero to a bound that doubles up to its cap", () => {
    expect(retryDelayMs(times, 1, 0)).toBe(0);
    expect(retryDelayMs(times, 1, 0.999_9)).toBe(99);
    expect(retryDelayMs(times, 4, 0.5)).toBe(400);
    expect(retryDelayMs(times, 40, 0.999_9)).toBe(4_999);
  });
  test("retry-after is a floor, and cut at its own cap", () => {
    expect(retryDelayMs(times, 1, 0, 2_000)).toBe(2_000);
    expect(retryDelayMs(times, 1, 0, 86_400_000)).toBe(60_000);
  });
  test("retry-after is read as seconds or as a date", () => {
    const now = Date.parse("2026-11-21T10:00:00Z");
    expect(parseRetryAfter("1.5", now)).toBe(1_500);
    expect(parseRetryAfter("Sat, 21 Nov 2026 10:00:30 GMT", now)).toBe(30_000);
    expect(parseRetryAfter("soon", now)).toBeUndefined();
    expect(parseRetryAfter(null, now)).toBeUndefined();
  });
});
