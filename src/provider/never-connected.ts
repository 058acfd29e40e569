// Whether a failed call can have left this machine. The one proof is that no connection came about: the failure belongs to the
// look-up of the name or to the connecting itself, before the first byte.
//
// The code alone proves nothing. When the way to the provider breaks under a call in flight, the kernel ends the established
// connection with the last ICMP error it has seen: EHOSTUNREACH, ENETUNREACH or ECONNREFUSED from `read`, after the whole request
// has been delivered. Taken for "never sent", a message batch would be created and paid twice. So the system call decides.

const connectingCodes = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND", "EAI_AGAIN"]);
const connectingCalls = new Set(["connect", "getaddrinfo"]);

/** True only when no connection came about, so that no byte of the request can have left. */
export function neverConnected(error: unknown): boolean {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 8; cause = cause.cause, depth += 1) {
    // One error an address; the whole carries the code of the first.
    if (cause instanceof AggregateError && cause.errors.length > 0)
      return cause.errors.every((inner) => neverConnected(inner));
    const code = "code" in cause ? cause.code : undefined;
    const syscall = "syscall" in cause ? cause.syscall : undefined;
    // undici's own: it gave up before the socket was connected.
    if (code === "UND_ERR_CONNECT_TIMEOUT") return true;
    if (typeof code === "string" && connectingCodes.has(code))
      return typeof syscall === "string" && connectingCalls.has(syscall);
  }
  return false;
}
