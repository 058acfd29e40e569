import { connect } from "node:net";
import { expect, test } from "vitest";
import { neverConnected } from "../../src/provider/never-connected.ts";

const system = (code: string, syscall: string): Error => Object.assign(new Error("x"), { code, syscall });
/** As it comes out of fetch and the SDK. */
const wrapped = (cause: Error): Error =>
  new Error("Connection error.", { cause: new TypeError("fetch failed", { cause }) });

test("a failure to look up or to connect proves that nothing was sent", () => {
  for (const code of ["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH"])
    expect(neverConnected(wrapped(system(code, "connect"))), code).toBe(true);
  for (const code of ["ENOTFOUND", "EAI_AGAIN"])
    expect(neverConnected(wrapped(system(code, "getaddrinfo"))), code).toBe(true);
  const timedOut = Object.assign(new Error("x"), { code: "UND_ERR_CONNECT_TIMEOUT" });
  expect(neverConnected(wrapped(timedOut))).toBe(true);
});

test("the same codes from an established connection prove nothing: the request may have been delivered whole", () => {
  for (const code of ["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ECONNRESET", "ETIMEDOUT", "EPIPE"]) {
    expect(neverConnected(wrapped(system(code, "read"))), code).toBe(false);
    expect(neverConnected(wrapped(system(code, "write"))), code).toBe(false);
    expect(neverConnected(wrapped(Object.assign(new Error("x"), { code }))), code).toBe(false);
  }
  expect(neverConnected(wrapped(Object.assign(new Error("x"), { code: "UND_ERR_SOCKET" })))).toBe(false);
  expect(neverConnected("not an error")).toBe(false);
});

test("of several addresses, every one must have failed to connect", () => {
  const refused = system("ECONNREFUSED", "connect");
  const all = Object.assign(new AggregateError([refused, system("ENETUNREACH", "connect")]), {
    code: "ECONNREFUSED",
  });
  expect(neverConnected(wrapped(all))).toBe(true);
  const one = Object.assign(new AggregateError([refused, system("ECONNRESET", "read")]), {
    code: "ECONNREFUSED",
  });
  expect(neverConnected(wrapped(one))).toBe(false);
});

test("Node says so of a real port that nobody listens on", async () => {
  const error = await new Promise<Error>((resolve) => {
    connect({ host: "127.0.0.1", port: 1 }).once("error", resolve);
  });
  expect(neverConnected(error)).toBe(true);
});
