import { expect, test } from "vitest";
import { effectiveSettings, nearestName, oddCombinations, parseConfig } from "../../src/config/config.ts";
import { limits } from "../../src/config/limits.ts";
import { ServiceError, type FieldError } from "../../src/domain/errors.ts";

function faultsOf(environment: Record<string, string>): readonly FieldError[] {
  try {
    parseConfig(environment);
  } catch (error) {
    if (error instanceof ServiceError && error.code === "config_invalid") return error.fields;
    throw error;
  }
  return [];
}

test("an empty environment gives the defaults, and an empty value counts as not set", () => {
  const config = parseConfig({ SLUICE_PORT: "", REDIS_URL: "" });
  expect(config).toMatchObject({ port: 3_000, host: "127.0.0.1", providerUrl: "https://api.anthropic.com" });
  expect(config.redisUrl).toBeUndefined();
  expect(config.roles).toEqual(["api", "dispatcher", "worker", "batcher"]);
});

test("ANTHROPIC_BASE_URL does not decide where content goes", () => {
  expect(parseConfig({ ANTHROPIC_BASE_URL: "https://elsewhere.example" }).providerUrl).toBe(
    "https://api.anthropic.com",
  );
});

test("the configuration is frozen, lists included", () => {
  const config = parseConfig({ SLUICE_ROLES: "api, worker,api" });
  expect(config.roles).toEqual(["api", "worker"]);
  expect(Object.isFrozen(config)).toBe(true);
  expect(Object.isFrozen(config.roles)).toBe(true);
});

test("numbers may be grouped and must be whole and inside their bounds", () => {
  expect(parseConfig({ SLUICE_BATCH_LINES_MAX: "100_000" }).batchLinesMax).toBe(100_000);
  for (const wrong of ["100001", "-1", "1.5", "1e3", "many"]) {
    expect(faultsOf({ SLUICE_BATCH_LINES_MAX: wrong }).map(({ field }) => field)).toEqual([
      "SLUICE_BATCH_LINES_MAX",
    ]);
  }
});

test("alerts need a secret to be signed with, of a length that is worth it, and neither it nor the path of the receiver is shown", () => {
  const url = "https://hooks.example.com/services/T0/hidden";
  expect(faultsOf({ ALERT_WEBHOOK_URL: url }).map(({ field }) => field)).toEqual(["ALERT_WEBHOOK_SECRET"]);
  for (const wrong of [
    "whsec_",
    "short",
    `whsec_${Buffer.alloc(23).toString("base64")}`,
    "not base64 at all, but long enough",
  ])
    expect(
      faultsOf({ ALERT_WEBHOOK_URL: url, ALERT_WEBHOOK_SECRET: wrong }).map(({ field }) => field),
    ).toEqual(["ALERT_WEBHOOK_SECRET"]);
  const secret = `whsec_${Buffer.alloc(32, 9).toString("base64")}`;
  const environment = { ALERT_WEBHOOK_URL: url, ALERT_WEBHOOK_SECRET: secret };
  const shown = effectiveSettings(parseConfig(environment), environment).map(({ value }) => value);
  expect(shown).toContain("https://hooks.example.com/***");
  expect(shown.join(" ")).not.toMatch(/hidden|CQkJCQkJCQkJ/);
});

test("dollars are exact, and the breaker has its defaults", () => {
  expect(parseConfig({})).toMatchObject({ breakerFactor: 5, breakerFloorUsd: 5_000_000_000n });
  expect(parseConfig({}).breakerHourlyUsd).toBeUndefined();
  expect(parseConfig({ SLUICE_BREAKER_HOURLY_USD: "0.000000001" }).breakerHourlyUsd).toBe(1n);
  for (const wrong of ["-1", "1e3", "five"])
    expect(faultsOf({ SLUICE_BREAKER_FLOOR_USD: wrong })[0]?.field).toBe("SLUICE_BREAKER_FLOOR_USD");
});

test("all problems are reported together, unknown names with the nearest known one", () => {
  const faults = faultsOf({
    SLUICE_POTR: "1",
    SLUICE_LOG_LEVEL: "loud",
    SLUICE_ROLES: "api,cook",
    DATABASE_URL: "mysql://x",
  });
  expect(faults).toContainEqual({
    field: "SLUICE_POTR",
    reason: "is not a setting; did you mean SLUICE_PORT?",
  });
  expect(faults.map(({ field }) => field).toSorted()).toEqual([
    "DATABASE_URL",
    "SLUICE_LOG_LEVEL",
    "SLUICE_POTR",
    "SLUICE_ROLES",
  ]);
});

test("a variable of the tests is no mistake for a service that is started by them", () => {
  expect(faultsOf({ SLUICE_TEST_INSTALL: "0" })).toEqual([]);
});

test("a wrong secret is named and never repeated", () => {
  const faults = faultsOf({ SLUICE_SESSION_SECRET: "short-secret", DATABASE_URL: "http://u:pass-word@h" });
  expect(faults).toHaveLength(2);
  expect(JSON.stringify(faults)).not.toMatch(/short-secret|pass-word/);
});

test.each([
  [{ SLUICE_POLL_MIN_MS: "5000", SLUICE_POLL_MAX_MS: "4000" }, "SLUICE_POLL_MIN_MS"],
  [{ SLUICE_PERMISSION_MS: "3000", SLUICE_PROCESS_LEASE_MS: "2000" }, "SLUICE_PERMISSION_MS"],
  [{ SLUICE_DISPATCH_LEASE_MS: "5000" }, "SLUICE_DISPATCH_LEASE_MS"],
  [{ SLUICE_ATTEMPTS_MAX: "11" }, "SLUICE_TRIES_MAX"],
  [{ SLUICE_RETRY_BASE_MS: "60001" }, "SLUICE_RETRY_BASE_MS"],
  [{ SLUICE_RETRY_CAP_MS: "300001" }, "SLUICE_RETRY_AFTER_MAX_MS"],
  [{ SLUICE_BATCH_BYTES_MAX: "3_999_999" }, "SLUICE_LINE_BYTES_MAX"],
  [{ SLUICE_UPLOAD_BYTES_MAX: "3_999_999" }, "SLUICE_LINE_BYTES_MAX"],
  [{ SLUICE_LISTING_GAP_MS: "1_800_000" }, "SLUICE_LISTING_GAP_MS"],
  [{ SLUICE_VOID_HOLD_MS: "2_700_000" }, "SLUICE_VOID_HOLD_MS"],
  [{ SLUICE_JOB_AGE_MAX_MS: "300_000" }, "SLUICE_JOB_AGE_MAX_MS"],
])("settings that contradict each other are refused: %o", (environment, field) => {
  expect(faultsOf(environment).map((fault) => fault.field)).toEqual([field]);
});

test("shown settings mask secrets and keep what helps to recognise them", () => {
  const environment = {
    DATABASE_URL: "postgres://sluice:hunter2@db.example/sluice?sslpassword=hunter3",
    ANTHROPIC_API_KEY: "sk-ant-api03-abcdefghijkl-wxyz",
    SLUICE_SESSION_SECRET: "0123456789012345678901234567abcd",
  };
  const shown = effectiveSettings(parseConfig(environment), environment);
  const valueOf = (name: string): string | undefined => shown.find((setting) => setting.name === name)?.value;
  expect(valueOf("DATABASE_URL")).toBe("postgres://sluice:***@db.example/sluice?sslpassword=***");
  expect(valueOf("ANTHROPIC_API_KEY")).toBe("***wxyz");
  expect(valueOf("SLUICE_SESSION_SECRET")).toBe("***abcd");
  expect(shown.filter(({ given }) => given)).toHaveLength(3);
});

test("a key that would go to somebody other than the provider is odd, and so is a key that is missing", () => {
  const key = { ANTHROPIC_API_KEY: "sk-ant-x" };
  expect(oddCombinations(parseConfig(key))).toEqual([]);
  expect(oddCombinations(parseConfig({ ...key, SLUICE_PROVIDER_URL: "http://10.0.0.1:8080" }))).toHaveLength(
    2,
  );
  expect(oddCombinations(parseConfig({}))).toHaveLength(1);
});

test("the nearest name is the one with the fewest edits", () => {
  expect(nearestName("SLUICE_POLMAX", ["SLUICE_PORT", "SLUICE_POOL_MAX", "SLUICE_POLL_MAX_MS"])).toBe(
    "SLUICE_POOL_MAX",
  );
});

test("fixed limits stand in their relations", () => {
  expect(limits.heartbeatsPerLease, "a lease outlives three heartbeats").toBeGreaterThanOrEqual(3);
  expect(limits.dispatcherLeaseMs, "a dead dispatcher is replaced within 5 s").toBeLessThan(
    5_000 - limits.leaseSafetyMs / 2,
  );
  expect(limits.leaseSafetyMs * 2, "a holder may still work").toBeLessThan(limits.dispatcherLeaseMs);
  expect(limits.databaseConnectTimeoutMs).toBeLessThan(limits.statementTimeoutMs);
  expect(limits.pageRowsDefault).toBeLessThanOrEqual(limits.pageRowsMax);
  expect(parseConfig({}).batchBytesMax).toBeLessThanOrEqual(limits.providerBatchBytesMax);
});
