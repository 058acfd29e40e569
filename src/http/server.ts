// Listening. Node's own time limit for a whole request (5 minutes) would end a long upload, so it is off; what bounds a body is
// its size and the time between two of its pieces (body.ts). Headers still have to arrive promptly.
import { createServer, type RequestListener, type Server } from "node:http";
import { limits } from "../config/limits.ts";

export interface Listening {
  readonly server: Server;
  readonly port: number;
  /** Takes no new connections, lets answers under way end for `graceMs`, then cuts what is left (followed streams). */
  close(graceMs: number): Promise<void>;
}

/** Listens; port 0 takes a free one. Rejects if the port is taken. */
export async function listen(app: RequestListener, at: { host: string; port: number }): Promise<Listening> {
  const server = createServer(
    {
      requestTimeout: 0,
      headersTimeout: limits.headersTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
    },
    app,
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
        const cut = setTimeout(() => server.closeAllConnections(), graceMs);
        server.close(() => {
          clearTimeout(cut);
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}
