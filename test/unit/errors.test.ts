import { expect, test } from "vitest";
import { errorCatalogue, isServiceError, problemOf, ServiceError } from "../../src/domain/errors.ts";

test("a problem carries the catalogue's words, the detail and every field at fault", () => {
  const error = new ServiceError("invalid_input", {
    detail: "2 fields are not valid.",
    fields: [
      { line: 3, field: "input.text", reason: "must be a string" },
      { field: "urgency", reason: "must be now or whenever" },
    ],
  });
  expect(problemOf(error)).toEqual({
    type: "urn:sluice:error:invalid_input",
    title: "The input does not fit its schema.",
    status: 400,
    detail: "2 fields are not valid.",
    code: "invalid_input",
    hint: "Correct the fields listed in errors.",
    retryable: false,
    errors: [
      { line: 3, field: "input.text", reason: "must be a string" },
      { field: "urgency", reason: "must be now or whenever" },
    ],
  });
});

test("a single field at fault is listed with the detail as its reason", () => {
  const error = new ServiceError("invalid_query", { field: "?urgency", detail: "must be now or whenever" });
  expect(problemOf(error).errors).toEqual([{ field: "?urgency", reason: "must be now or whenever" }]);
});

test("further members are added and never replace the standard ones", () => {
  const extra = { smallest_limit_usd: "1.25", status: 200, code: "fine" };
  const problem = problemOf(new ServiceError("budget_below_committed", { extra }));
  expect(problem).toMatchObject({ smallest_limit_usd: "1.25", status: 409, code: "budget_below_committed" });
});

test("whatever else is thrown becomes internal, without a word of its message", () => {
  for (const thrown of [new Error("text of a customer"), "text of a customer", undefined]) {
    const problem = problemOf(thrown);
    expect(problem).toMatchObject({ status: 500, code: "internal" });
    expect(JSON.stringify(problem)).not.toContain("customer");
  }
});

test("the message is the title and never the detail, so that it can be logged and stored", () => {
  const error = new ServiceError("invalid_json", { detail: 'unexpected "Anna"', cause: new Error("Anna") });
  expect(error.message).toBe(errorCatalogue.invalid_json.title);
  expect(error.stack).not.toContain("Anna");
});

test("429 and 503 say try again; what the caller or the installation has to change does not", () => {
  const entries = Object.entries(errorCatalogue);
  const passing = entries.filter(([, { status }]) => status === 429 || status === 503);
  expect(passing.filter(([, { retryable }]) => !retryable).map(([code]) => code)).toEqual([]);
  const lasting = entries.filter(([, { status }]) =>
    [401, 403, 404, 405, 413, 415, 422, 500].includes(status),
  );
  expect(lasting.filter(([, { retryable }]) => retryable).map(([code]) => code)).toEqual([]);
});

test("isServiceError tells codes apart", () => {
  const error: unknown = new ServiceError("not_found");
  expect(isServiceError(error, "not_found")).toBe(true);
  expect(isServiceError(error, "conflict")).toBe(false);
  expect(isServiceError(new Error("not_found"), "not_found")).toBe(false);
});
