import { describe, expect, test } from "vitest";
import { readResultLine, stepAfterLine } from "../../src/domain/batch-line.ts";
import type { LineTerms } from "../../src/domain/batch-line.ts";

const lineOf = (result: unknown): string => JSON.stringify({ custom_id: "b-j", result });
const erroredLine = (type: string, message = "it failed", requestId: string | null = null): string =>
  lineOf({ type: "errored", error: { type: "error", error: { type, message }, request_id: requestId } });

const outcomeOf = (text: string): string | undefined => {
  const read = readResultLine(text)?.result;
  return read?.type === "errored" ? read.outcome : read?.type;
};

describe("reading a result line", () => {
  test.each([
    ["invalid_request_error", "messages: Field required", "invalid_request"],
    ["invalid_request_error", "Unable to download the file. Please verify the URL.", "provider_error"],
    ["not_found_error", "model: nobody", "not_found"],
    ["request_too_large", "too large", "too_large"],
    ["authentication_error", "no", "credential_refused"],
    ["permission_error", "no", "model_refused"],
    ["billing_error", "no", "out_of_credit"],
    ["rate_limit_error", "slow down", "rate_limited"],
    ["overloaded_error", "Overloaded", "overloaded"],
    ["api_error", "Overloaded", "overloaded"],
    ["api_error", "Internal server error", "provider_error"],
    ["timeout_error", "Request timed out", "provider_error"],
    ["some_new_error", "?", "provider_error"],
  ])("%s %j is %s", (type, message, outcome) => {
    expect(outcomeOf(erroredLine(type, message))).toBe(outcome);
  });

  test("the cause stands two levels down, with the request id beside the outer one", () => {
    expect(readResultLine(erroredLine("overloaded_error", "Overloaded", "workerreq_1"))).toEqual({
      customId: "b-j",
      result: {
        type: "errored",
        outcome: "overloaded",
        errorType: "overloaded_error",
        requestId: "workerreq_1",
      },
    });
    expect(outcomeOf(lineOf({ type: "errored" }))).toBe("provider_error");
  });

  test("what is no result is told from a result that is bad news", () => {
    expect(outcomeOf(lineOf({ type: "canceled" }))).toBe("canceled");
    expect(outcomeOf(lineOf({ type: "expired" }))).toBe("expired");
    expect(outcomeOf(lineOf({ type: "succeeded", message: { usage: {} } }))).toBe("succeeded");
    for (const text of [
      "",
      "{",
      "null",
      "[]",
      lineOf(null),
      lineOf({ type: "new" }),
      lineOf({ type: "succeeded" }),
      '{"result":{"type":"expired"}}',
    ])
      expect(readResultLine(text), text).toBeNull();
  });
});

describe("what becomes of a line without an answer", () => {
  const terms: LineTerms = {
    tries: 0,
    triesMax: 10,
    retry: { baseMs: 1_000, capMs: 60_000, retryAfterMaxMs: 300_000 },
    now: new Date(0),
    random: 0.5,
    unwanted: false,
    isForbidden: false,
  };

  test("the caller's fault is final, whatever tries are left", () => {
    expect(stepAfterLine("invalid_request", terms)).toEqual({
      state: "failed",
      failureCode: "invalid_request",
      failureFault: "caller",
    });
  });

  test("the provider's goes back and counts, until the tries are used up", () => {
    expect(stepAfterLine("overloaded", terms)).toEqual({
      state: "queued",
      retryReason: "overloaded",
      countsTry: true,
      notBefore: new Date(500),
      waitReason: "batch",
    });
    expect(stepAfterLine("expired", { ...terms, tries: 8 })).toMatchObject({
      state: "queued",
      countsTry: true,
    });
    expect(stepAfterLine("expired", { ...terms, tries: 9 })).toEqual({
      state: "failed",
      failureCode: "expired",
      failureFault: "provider",
    });
  });

  test("a canceled one goes back at once and free, unless nobody wants it", () => {
    expect(stepAfterLine("canceled", { ...terms, tries: 9 })).toMatchObject({
      state: "queued",
      countsTry: false,
      notBefore: new Date(0),
    });
    expect(stepAfterLine("canceled", { ...terms, unwanted: true })).toEqual({ state: "canceled" });
  });
});
