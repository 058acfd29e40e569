// Listening. Node's own time limit for a whole request (5 minutes) would end a long upload, so it is off; what bounds a body is
// its size and the time between two of its pieces (body.ts). Headers still have to arrive promptly.
import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import { limits } from "../config/limits.ts";
import { problemOf, ServiceError } from "../domain/errors.ts";

export interface Listening {
  readonly server: Server;
  readonly port: number;
  /**
   * Takes no new connections and refuses new requests on old ones, lets answers under way end for `graceMs`, then cuts what is
   * left (uploads, followed streams). An upload that is cut was not accepted.
   */
  close(graceMs: number): Promise<void>;
}

/** Listens; port 0 takes a free one. Rejects if the port is taken. */
export async function listen(app: RequestListener, at: { host: string; port: number }): Promise<Listening> {
  let closing = false;
  const server = createServer(
    {
      requestTimeout: 0,
      headersTimeout: limits.headersTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
    },
    (request, response) => (closing ? refuse(response) : app(request, response)),
  );
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(at.port, at.host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const address = server.address();
  return {
    server,
    port: typeof address === "object" && address !== null ? address.port : at.port,
    close: (graceMs) =>
      new Promise((resolve) => {
        closing = true;
        const cut = setTimeout(() => server.closeAllConnections(), graceMs);
        server.close(() => {
          clearTimeout(cut);
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}

/** Says that another process answers; the connection is not used again. */
function refuse(response: ServerResponse): void {
  const problem = problemOf(new ServiceError("shutting_down"));
  response.writeHead(problem.status, {
    "Content-Type": "application/problem+json; charset=utf-8",
    "Retry-After": String(limits.storeRetryAfterS),
    Connection: "close",
  });
  response.end(JSON.stringify(problem));
}
