// A receiver of webhooks: an HTTP server that keeps what it was sent and answers as the test wants.
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";

export interface Received {
  readonly id: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Receiver {
  readonly url: string;
  readonly received: readonly Received[];
  /** How the n-th request (from 1) is answered: a status, or what is to be done with the response, which may be nothing at all. */
  answer: (n: number, response: ServerResponse) => number | undefined;
  close(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { headers } = request;
      received.push({ id: String(headers["webhook-id"]), headers, body: Buffer.concat(chunks).toString() });
      const status = receiver.answer(received.length, response);
      if (status === undefined) return;
      response.writeHead(status).end("ignored");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP
  const { port } = server.address() as AddressInfo;
  const receiver: Receiver = {
    url: `http://127.0.0.1:${port}/hook/of-a-secret-path`,
    received,
    answer: () => 204,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return receiver;
}
