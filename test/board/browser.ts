// A board on a port of its own, and somebody who visits it: cookies kept, redirects not followed.
import express from "express";
import { newId } from "../../src/config/ids.ts";
import { systemClock } from "../../src/config/clock.ts";
import { createAccessKey } from "../../src/control/access.ts";
import type { Scope } from "../../src/domain/access.ts";
import type { Clock } from "../../src/domain/clock.ts";
import { createBoard } from "../../src/http/board/board.ts";
import { silentLog } from "../../src/observe/log.ts";
import { openPool, type Pool } from "../../src/postgres/pool.ts";
import type { QueueBackend, QueueBackendKind } from "../../src/queue/backend.ts";
import { startMember, type Member } from "../control/member.ts";
import { cloneDatabase, openTestBackend } from "../support/stores.ts";

export interface TestBoard {
  url: string;
  pool: Pool;
  backend: QueueBackend;
  member: Member;
  /** A key with these scopes; of the installation unless said otherwise. */
  key(scopes: readonly Scope[], tenantId?: string): Promise<{ id: string; secret: string }>;
  visit(): Visitor;
  close(): Promise<void>;
}

export async function openBoard(
  kind: QueueBackendKind,
  options: { clock?: Clock; publicUrl?: string } = {},
): Promise<TestBoard> {
  const database = await cloneDatabase();
  const pool = openPool(database.url, { max: 6, applicationName: "test", log: silentLog });
  const backend = await openTestBackend(kind, { postgresUrl: database.url });
  const member = await startMember(database.url);
  const { clock = systemClock, publicUrl } = options;
  const board = createBoard({
    database: pool,
    backend,
    flags: member.flags,
    clock,
    log: silentLog,
    secret: "0123456789abcdef0123456789abcdef",
    publicUrl,
    simulated: true,
  });
  const server = express().use(board.path, board.handler).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  return {
    url,
    pool,
    backend,
    member,
    key: (scopes, tenantId = "installation") =>
      createAccessKey(
        { pool, newId },
        { tenantId, holderKind: "person", holderName: "ada", scopes, actor: "test" },
      ),
    visit: () => new Visitor(url),
    async close() {
      server.closeAllConnections();
      server.close();
      await member.stop();
      await backend.close();
      await pool.end();
      await database.drop();
    },
  };
}

export class Visitor {
  readonly #url: string;
  #cookie = "";

  constructor(url: string) {
    this.#url = url;
  }

  get cookie(): string {
    return this.#cookie;
  }

  async send(
    method: string,
    path: string,
    options: { headers?: Record<string, string>; body?: string } = {},
  ) {
    const response = await fetch(`${this.#url}${path}`, {
      method,
      redirect: "manual",
      headers: { cookie: this.#cookie, ...options.headers },
      ...(options.body === undefined ? {} : { body: options.body }),
    });
    const given = response.headers.getSetCookie();
    if (given.length > 0) this.#cookie = given.map((one) => one.split(";")[0]).join("; ");
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, setCookie: given };
  }

  get(path: string) {
    return this.send("GET", path, { headers: { accept: "text/html" } });
  }

  /** As a page of the board does it. */
  async press(method: string, path: string, body: object = {}) {
    const answer = await this.send(method, `/admin/queues${path}`, {
      headers: { "content-type": "application/json", origin: this.#url },
      body: JSON.stringify(body),
    });
    const pressed: Record<string, unknown> = answer.text === "" ? {} : JSON.parse(answer.text);
    return { status: answer.status, body: pressed };
  }

  signIn(secret: string, next = "") {
    return this.send("POST", "/admin/sign-in", {
      headers: { "content-type": "application/x-www-form-urlencoded", origin: this.#url },
      body: new URLSearchParams({ key: secret, next }).toString(),
    });
  }
}
