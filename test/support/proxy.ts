// A TCP proxy that stands before a store or the simulator and makes the network bad: slow, cut, half-open or silent.
//
//   delay(ms)   every chunk arrives later, in both directions
//   cut()       all connections are reset now; new ones work
//   pause()     bytes stop in both directions and connections stay open, also new ones: the peer hangs
//   resume()    what was held back goes on
//   halfOpen()  connections look open to the client for ever, whatever it sends vanishes: a peer that died without a word
//   holdAfter() what clients send stops after a number of bytes, in the middle of whatever it was
//   refuse()    connections are reset and new ones are not accepted until accept()
import { createConnection, createServer } from "node:net";
import type { Server, Socket } from "node:net";

interface Target {
  readonly host: string;
  readonly port: number;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** The server side is gone and the client is not told. */
  swallowed: boolean;
}

/** Starts a proxy on a free port of 127.0.0.1 before a server given by its URL or its host and port. */
export async function startProxy(target: Target | string): Promise<Proxy> {
  const proxy = new Proxy(typeof target === "string" ? targetOf(target) : target);
  await proxy.accept();
  return proxy;
}

export class Proxy {
  readonly #target: Target;
  readonly #listener: Server;
  readonly #pairs = new Set<Pair>();
  #port = 0;
  #delayMs = 0;
  #paused = false;
  /** Bytes of clients that still pass, and who is told when they have. */
  #passing: { bytes: number; held: () => void } | undefined;

  constructor(target: Target) {
    this.#target = target;
    this.#listener = createServer({ allowHalfOpen: true }, (client) => this.#connect(client));
  }

  get port(): number {
    return this.#port;
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#pairs.size;
  }

  /** The same URL with the proxy's address in the place of the target's. */
  urlFor(url: string): string {
    const through = new URL(url);
    through.hostname = "127.0.0.1";
    through.port = String(this.#port);
    return through.href;
  }

  delay(ms: number): void {
    this.#delayMs = ms;
  }

  cut(): void {
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy();
      server.destroy();
    }
    this.#pairs.clear();
    this.#passing = undefined;
  }

  pause(): void {
    this.#paused = true;
    for (const { client, server } of this.#pairs) for (const socket of [client, server]) socket.pause();
  }

  resume(): void {
    this.#paused = false;
    for (const { client, server } of this.#pairs) for (const socket of [client, server]) socket.resume();
  }

  /** From now on that many bytes of clients pass, then no more until the connections are cut. Resolves when bytes are held back. */
  holdAfter(bytes: number): Promise<void> {
    return new Promise((held) => {
      this.#passing = { bytes, held };
    });
  }

  halfOpen(): void {
    for (const pair of this.#pairs) {
      pair.swallowed = true;
      pair.server.destroy();
    }
  }

  /** Resets every connection and accepts no more, as if nothing listened there. */
  async refuse(): Promise<void> {
    if (!this.#listener.listening) return;
    const closed = new Promise<void>((resolve) => this.#listener.close(() => resolve()));
    this.cut();
    await closed;
  }

  /** Listens, again on the same port. */
  async accept(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#listener.once("error", reject);
      this.#listener.listen(this.#port, "127.0.0.1", resolve);
    });
    const address = this.#listener.address();
    if (typeof address === "object" && address !== null) this.#port = address.port;
  }

  async close(): Promise<void> {
    await this.refuse();
    this.cut();
  }

  #connect(client: Socket): void {
    // Accepted by the system a moment before the listener closed; closing waits for its end.
    if (!this.#listener.listening) {
      client.resetAndDestroy();
      return;
    }
    const server = createConnection({ ...this.#target, allowHalfOpen: true });
    const pair = { client, server, swallowed: false };
    this.#pairs.add(pair);
    this.#forward(pair, client, server);
    this.#forward(pair, server, client);
  }

  #forward(pair: Pair, from: Socket, to: Socket): void {
    // Chunks keep their order when the delay changes: each waits for the one before it.
    let before = Promise.resolve();
    const inOrder = (act: () => void): void => {
      const delayMs = this.#delayMs;
      const due = new Promise<void>((resolve) =>
        delayMs === 0 ? resolve() : void setTimeout(resolve, delayMs),
      );
      before = before.then(() => due).then(act);
    };
    from.on("data", (chunk: Buffer) => {
      const passed = from === pair.client ? this.#pass(chunk, from) : chunk;
      inOrder(() => {
        if (!pair.swallowed && to.writable) to.write(passed);
      });
    });
    from.on("end", () => {
      inOrder(() => {
        if (!pair.swallowed) to.end();
      });
    });
    from.on("error", () => to.destroy());
    from.on("close", () => {
      if (pair.swallowed && from === pair.server) return;
      this.#pairs.delete(pair);
      inOrder(() => to.destroy());
    });
    if (this.#paused) from.pause();
  }

  /** What of a client's chunk may pass; when that is not all of it, no more is taken from this client. */
  #pass(chunk: Buffer, from: Socket): Buffer {
    const passing = this.#passing;
    if (passing === undefined) return chunk;
    const part = chunk.subarray(0, passing.bytes);
    passing.bytes -= part.length;
    if (part.length < chunk.length) {
      from.pause();
      passing.held();
    }
    return part;
  }
}

function targetOf(url: string): Target {
  const { hostname, port, protocol } = new URL(url);
  const standard: Record<string, number> = { "postgres:": 5432, "redis:": 6379, "http:": 80 };
  return { host: hostname, port: port === "" ? (standard[protocol] ?? 0) : Number(port) };
}
