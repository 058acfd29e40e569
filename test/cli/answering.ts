// A service that says what a test tells it to: for what a real one cannot be brought to say at a given moment.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** By method and path without its query, such as `GET /v1/queues`: what is answered with 200, or with the status of a problem. */
export type Answers = Readonly<Record<string, unknown>>;

export interface Answering {
  /** What commands are to be run with. */
  readonly environment: Record<string, string>;
  /** Every request that came, in order. */
  readonly asked: string[];
  answer(answers: Answers): void;
  close(): Promise<void>;
}

/** Paths that no answer was given for are answered with `{}`. */
export async function openAnswering(): Promise<Answering> {
  let answers: Answers = {};
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "", "http://localhost").pathname;
    const name = `${request.method ?? ""} ${path}`;
    asked.push(name);
    const body = answers[name] ?? {};
    request.resume();
    request.once("end", () => {
      response.statusCode = statusOf(body);
      response.end(JSON.stringify(body));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    environment: { SLUICE_URL: `http://127.0.0.1:${port}`, SLUICE_KEY: "slk_of_a_test" },
    asked,
    answer: (given) => {
      asked.length = 0;
      answers = given;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

const statusOf = (body: unknown): number =>
  typeof body === "object" && body !== null && "status" in body && typeof body.status === "number"
    ? body.status
    : 200;
