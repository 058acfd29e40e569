import { expect, test } from "vitest";
import { ServiceError } from "../../src/domain/errors.ts";
import { errorFields } from "../../src/observe/error-fields.ts";
import { createLogger, type LogFields } from "../../src/observe/log.ts";

function logTo(format: "json" | "line", level: "debug" | "info" | "warn" = "debug") {
  const lines: string[] = [];
  const destination = { write: (line: string) => lines.push(line) };
  return { lines, log: createLogger({ level, format, fieldCharsMax: 200, destination }) };
}
const written = (fields: LogFields): Record<string, unknown> => {
  const { lines, log } = logTo("json");
  log.event("job.retry_scheduled", fields);
  const line: unknown = JSON.parse(lines[0] ?? "");
  return typeof line === "object" ? { ...line } : {};
};

test("an event is one JSON line with its level, time and fields, money exact", () => {
  const line = written({
    job_id: "01a",
    attempt: 2,
    cost_nano: 9_007_199_254_740_993n,
    paid: true,
    reason: null,
  });
  expect(line).toMatchObject({
    level: "info",
    event: "job.retry_scheduled",
    job_id: "01a",
    attempt: 2,
    cost_nano: "9007199254740993",
    paid: true,
    reason: null,
  });
  expect(line["time"]).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
});

test("a child's fields stand on each of its lines", () => {
  const { lines, log } = logTo("json");
  log.child({ process_id: "p1" }).child({ bulk_id: "b1" }).event("bulk.finished", { jobs: 3 });
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ process_id: "p1", bulk_id: "b1", jobs: 3 });
});

test("events below the level are left out", () => {
  const { lines, log } = logTo("json", "warn");
  log.event("job.dispatched", {});
  log.event("bulk.finished", {});
  log.event("sweep.failed", {});
  expect(lines).toHaveLength(1);
});

test("the line format is for people", () => {
  const { lines, log } = logTo("line");
  log.event("sweep.failed", { rows: 3 });
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} ! sweep\.failed rows=3\n$/);
});

test("long strings are cut: an id is never that long", () => {
  expect(written({ reason: "x".repeat(10_000) })["reason"]).toHaveLength(200);
});

test("what looks like a secret is replaced, by name and by form", () => {
  const line = JSON.stringify(
    written({
      api_key: "abc-1",
      session_secret: "abc-2",
      authorization: "abc-3",
      note: "sk-ant-api03-abc-4",
      header: "Bearer abc-5",
      url: "postgres://sluice:abc-6@host/db",
      input_tokens: 12,
    }),
  );
  expect(line).not.toContain("abc-");
  expect(line).toContain('"input_tokens":12');
});

test("of an error only class, codes and place are logged, never its message", () => {
  const error = Object.assign(new Error('duplicate key (email)=("anna@example.com")'), {
    code: "23505",
    constraint: "tenants_name_key",
    detail: "Key (email)=(anna@example.com) already exists.",
  });
  expect(errorFields(error)).toMatchObject({
    error_class: "Error",
    error_code: "23505",
    error_constraint: "tenants_name_key",
  });
  expect(JSON.stringify(errorFields(error))).not.toContain("anna");
});

test("a ServiceError adds its fixed title and its cause's class, not its detail", () => {
  const fields = errorFields(
    new ServiceError("invalid_json", { detail: "near Anna", cause: new SyntaxError("near Anna") }),
  );
  expect(fields).toMatchObject({
    error_code: "invalid_json",
    error_title: "The body is not valid JSON.",
    cause_class: "SyntaxError",
  });
  expect(JSON.stringify(fields)).not.toContain("Anna");
});

test("what is thrown and is no error is logged by its type only", () => {
  expect(errorFields("Anna")).toEqual({ error_class: "string" });
  expect(errorFields(null)).toEqual({ error_class: "null" });
});
