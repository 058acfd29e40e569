import { describe, expect, test } from "vitest";
import {
  candidatesOf,
  linesOf,
  mayMoveBatch,
  pollDelayMs,
  refusalOf,
  verdictOnAbsence,
} from "../../src/domain/message-batch.ts";
import type { AbsenceTerms, ProviderBatch } from "../../src/domain/message-batch.ts";

const at = (minutes: number): Date => new Date(Date.UTC(2026, 10, 1, 12, minutes));
const listed = (id: string, minutes: number, lines: number): ProviderBatch => ({
  id,
  status: "in_progress",
  createdAt: at(minutes),
  expiresAt: at(minutes + 1_440),
  archived: false,
  counts: { processing: lines - 1, succeeded: 1, errored: 0, canceled: 0, expired: 0 },
});

test("an end is an end, and what was sent never becomes an intent but by the word of its creator", () => {
  expect(mayMoveBatch("intent", "creating")).toBe(true);
  expect(mayMoveBatch("created", "creating")).toBe(false);
  expect(mayMoveBatch("created", "intent")).toBe(false);
  for (const state of ["intent", "creating", "created", "ended", "doubtful", "void"] as const) {
    expect(mayMoveBatch("ingested", state)).toBe(false);
    expect(mayMoveBatch("refused", state)).toBe(false);
  }
});

test.each([
  [429, "rate_limited", "later"],
  [529, "overloaded", "later"],
  [404, "not_found", "later"],
  [401, "credential_refused", "credential"],
  [403, "credential_refused", "credential"],
  [402, "out_of_credit", "credential"],
  [400, "out_of_credit", "credential"],
  [429, "spend_limit", "credential"],
  [400, "invalid_request", "refused"],
  [413, "too_large", "refused"],
  [422, "invalid_request", "refused"],
  [408, "provider_error", "unknown"],
  [409, "provider_error", "unknown"],
  [500, "provider_error", "unknown"],
  [500, "overloaded", "unknown"],
  [503, "provider_error", "unknown"],
  [504, "provider_error", "unknown"],
] as const)("a create answered with %i (%s) is %s", (status, outcome, refusal) => {
  expect(refusalOf(status, outcome)).toBe(refusal);
});

test("candidates have our number of lines, our time, and nobody's claim; the oldest comes first", () => {
  const sought = { lineCount: 50, createStartedAt: at(10), until: at(45) };
  const batches = [
    listed("late", 52, 50),
    listed("b", 20, 50),
    listed("a", 11, 50),
    listed("other", 12, 49),
    listed("mine", 13, 50),
    listed("early", 4, 50),
  ];
  const known = { claimed: new Set(["mine"]), skewMs: 5 * 60_000 };
  expect(candidatesOf(batches, sought, known).map(({ id }) => id)).toEqual(["a", "b"]);
  expect(linesOf(listed("x", 0, 50).counts)).toBe(50);
});

describe("absence is proved", () => {
  const terms: AbsenceTerms = {
    creatorEndedAt: at(0),
    createVisibilityMs: 30 * 60_000,
    listingGapMs: 5 * 60_000,
    clearListings: 0,
    lastClearListingAt: null,
    listingsMin: 2,
  };

  test("by no listing before everything accepted must be visible", () => {
    expect(verdictOnAbsence(at(29), terms)).toEqual({ kind: "wait", until: at(30) });
  });

  test("by two clear ones, so far apart", () => {
    expect(verdictOnAbsence(at(30), terms)).toEqual({ kind: "count", again: at(35) });
    const once = { ...terms, clearListings: 1, lastClearListingAt: at(30) };
    expect(verdictOnAbsence(at(34), once)).toEqual({ kind: "wait", until: at(35) });
    expect(verdictOnAbsence(at(35), once)).toEqual({ kind: "void" });
  });
});

test("a young batch is asked about often, an old one rarely, and a retry-after is followed up to the longest wait", () => {
  const times = { pollMinMs: 2_000, pollMaxMs: 60_000 };
  expect(pollDelayMs(0, times)).toBe(2_000);
  expect(pollDelayMs(100_000, times)).toBe(10_000);
  expect(pollDelayMs(86_400_000, times)).toBe(60_000);
  expect(pollDelayMs(0, times, 10_000)).toBe(10_000);
  expect(pollDelayMs(0, times, 86_400_000)).toBe(60_000);
});
