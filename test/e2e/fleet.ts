// An installation whose work is done by processes of their own, and callers that reach it over HTTP only.

import { readFileSync } from "node:fs";
import { z } from "zod";
import { keysFile } from "../../src/processes/bootstrap.ts";
import { openInstallation } from "../support/installation.ts";
import type { Installation, InstallationOptions } from "../support/installation.ts";
import { startProcess } from "../support/processes.ts";
import type { SluiceProcess } from "../support/processes.ts";
import { waitFor } from "../support/wait.ts";

export interface Fleet extends Installation {
  /** Starts a process with these roles. */
  join(roles: string, overrides?: Record<string, string>): Promise<SluiceProcess>;
  /** Ends every process in order. */
  end(): Promise<void>;
  /** Where the first process answers. */
  readonly url: string;
  /** Everything that any process of it has printed. */
  output(): string;
  /** Reaches the first process, which does nothing but answer callers. */
  readonly caller: Caller;
  callerOf(process: SluiceProcess): Caller;
  /** Reaches it with the key of the installation. */
  readonly operator: Caller;
}

export interface Caller {
  /** Uploads lines of NDJSON; answers the id of the bulk. */
  submit(query: string, lines: readonly unknown[]): Promise<string>;
  send(path: string, init?: RequestInit): Promise<Response>;
}

const firstKeys = z.object({ default: z.string(), installation: z.string() });
export const acceptedBulk = z.object({ id: z.string(), accepted: z.int(), invalid: z.int() });

/** What lets a death be noticed within a second or two and not within minutes. */
const hastySettings = {
  SLUICE_LOG_LEVEL: "info",
  SLUICE_POOL_MAX: "8",
  SLUICE_PROCESS_LEASE_MS: "3000",
  SLUICE_PERMISSION_MS: "3000",
  SLUICE_DISPATCH_LEASE_MS: "8000",
  SLUICE_CREATE_VISIBILITY_MS: "2000",
  SLUICE_LISTING_GAP_MS: "500",
  SLUICE_CONCURRENCY: "20",
  SLUICE_DRAIN_TIMEOUT_MS: "5000",
  SLUICE_CALL_TIMEOUT_MS: "20000",
};

export async function openFleet(options: InstallationOptions = {}): Promise<Fleet> {
  const installation = await openInstallation({
    ...options,
    settings: { ...hastySettings, ...options.settings },
  });
  const processes: SluiceProcess[] = [];
  const join = async (roles: string, overrides: Record<string, string> = {}): Promise<SluiceProcess> => {
    const started = await startProcess({
      ...installation.environment,
      SLUICE_ROLES: roles,
      ...overrides,
    });
    processes.push(started);
    return started;
  };
  const end = async (): Promise<void> => {
    await Promise.all(processes.map((one) => one.end()));
  };
  const front = await join("api");
  const keys = firstKeys.parse(JSON.parse(readFileSync(keysFile(installation.config.dataDir), "utf8")));
  return {
    ...installation,
    join,
    url: front.url ?? "",
    output: () => processes.map((one) => one.output()).join("\n"),
    caller: callerOf(front.url ?? "", keys.default),
    operator: callerOf(front.url ?? "", keys.installation),
    callerOf: ({ url }) => callerOf(url ?? "", keys.default),
    end,
    close: async () => {
      await end();
      await installation.close();
    },
  };
}

export function callerOf(url: string, key: string): Caller {
  const send = (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    headers.set("authorization", `Bearer ${key}`);
    return fetch(`${url}${path}`, { ...init, headers });
  };
  return {
    send,
    submit: async (query, lines) => {
      const response = await send(`/v1/bulks?${query}`, {
        method: "POST",
        headers: { "content-type": "application/x-ndjson" },
        body: lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
      });
      const answer = await response.text();
      if (response.status !== 202) throw new Error(`${response.status}: ${answer}`);
      return acceptedBulk.parse(JSON.parse(answer)).id;
    },
  };
}

export const labels = ["card_lost", "refund", "change_pin"];

/** A first line that gives the labels to all, then that many different questions of about that many characters. */
export function questions(count: number, word = "card", chars = 0): unknown[] {
  const lines = Array.from({ length: count }, (_, n) => ({
    input: { text: `I lost my ${word} number ${n}, please help. ${"It is urgent. ".repeat(chars / 14)}` },
  }));
  return [{ shared: { labels } }, ...lines];
}

/** Waits until every accepted job has its outcome and no message batch is under way. */
export async function waitForRest({ db }: Pick<Fleet, "db">, timeoutMs = 180_000): Promise<void> {
  await waitFor(
    "all to come to rest",
    async () => {
      const { rows } = await db.query<{ rest: boolean }>(
        `SELECT NOT EXISTS (SELECT 1 FROM bulks WHERE finished_at IS NULL)
            AND NOT EXISTS (SELECT 1 FROM message_batches WHERE state NOT IN ('ingested', 'refused', 'void')) AS rest`,
      );
      return rows[0]?.rest;
    },
    { timeoutMs, everyMs: 100 },
  ).catch(async (error: unknown) => {
    const { rows } = await db.query(
      `SELECT (SELECT json_agg(j) FROM (SELECT lane, state, wait_reason, count(*) FROM jobs WHERE finished_at IS NULL GROUP BY 1, 2, 3) j) AS jobs,
              (SELECT json_agg(b) FROM (SELECT state, line_count, error_code, poll_failures, next_poll_at, lease_until, now() FROM message_batches
                WHERE state NOT IN ('ingested', 'refused', 'void')) b) AS batches`,
    );
    throw new Error(`still at work: ${JSON.stringify(rows[0])}`, { cause: error });
  });
}
