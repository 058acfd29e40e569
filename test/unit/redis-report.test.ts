import { expect, test } from "vitest";
import { parseInfo, reportOf } from "../../src/queue/inspect-redis.ts";

const report = (lines: readonly string[], save?: string) =>
  reportOf(parseInfo(["# Server", ...lines, ""].join("\r\n")), save);
const sound = ["redis_version:7.2.4", "maxmemory_policy:noeviction", "aof_enabled:1"];

test("a sound Redis has nothing to warn of", () => {
  expect(report(sound, "")).toEqual({
    version: "7.2.4",
    flavour: "redis",
    evictionPolicy: "noeviction",
    persistence: "aof",
    warnings: [],
  });
});

test.each([
  ["valkey_version:8.0.1", "valkey", []],
  ["server_name:valkey", "valkey", []],
  ["dragonfly_version:df-1.2", "dragonfly", ["flavour_untested"]],
  ["mvcc_depth:0", "keydb", ["flavour_untested"]],
] as const)("%s is %s", (line, flavour, codes) => {
  const found = report([...sound, line], "");
  expect(found.flavour).toBe(flavour);
  expect(found.warnings.map(({ code }) => code)).toEqual(codes);
});

test.each(["5.0.0", "5.0.14", "6.0.16", "6.1.240"])("%s is warned of as old", (version) => {
  expect(
    report([`redis_version:${version}`, ...sound.slice(1)], "").warnings.map(({ code }) => code),
  ).toEqual(["version_old"]);
});

test.each(["6.2.0", "6.10.1", "7.0.15", "10.0.0"])("%s is not", (version) => {
  expect(report([`redis_version:${version}`, ...sound.slice(1)], "").warnings).toEqual([]);
});

test.each(["4.0.14", "2.8.4", "nonsense"])("%s is refused", (version) => {
  expect(() => report([`redis_version:${version}`], "")).toThrow(
    expect.objectContaining({ code: "redis_unsuitable" }),
  );
});

test("what a host hides is unknown, and an unknown eviction policy is warned of", () => {
  const found = report(["redis_version:7.2.4"]);
  expect(found).toMatchObject({ evictionPolicy: "unknown", persistence: "unknown" });
  expect(found.warnings.map(({ code }) => code)).toEqual(["eviction_policy"]);
});

test("a cluster node is warned of, because a queue's keys must share a slot", () => {
  expect(report([...sound, "cluster_enabled:1"], "").warnings.map(({ code }) => code)).toEqual(["cluster"]);
});
