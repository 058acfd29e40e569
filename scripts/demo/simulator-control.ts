// The other side of the simulator: its bill, its log of requests, its faults.
export interface SimulatorControl {
  readonly url: string;
  /** The bill so far, in nano-dollars. */
  invoiceNano(): Promise<bigint>;
  /** Billed realtime calls that are not among these, which are those our ledger knows. */
  unheard(knownRequestIds: ReadonlySet<string>): Promise<{ calls: number; nano: bigint }>;
  /** Calls and message batches begun since the last time this was asked. */
  newCalls(): Promise<number>;
  /** The next realtime calls are answered 429. */
  rateLimit(calls: number, retryAfterS: number): Promise<void>;
  /** Nothing is broken any more. */
  clearFaults(): Promise<void>;
}

interface RequestRow {
  readonly path: string;
}
interface RequestPage {
  readonly total: number;
  readonly requests: readonly RequestRow[];
  readonly next: number | null;
}

interface BilledItem {
  readonly lane: string;
  readonly request_id?: string;
  readonly nano: string | null;
}
interface InvoicePage {
  readonly items: readonly BilledItem[];
  readonly next: number | null;
}

const callPaths = new Set(["/v1/messages", "/v1/messages/batches"]);

export function controlSimulator(url: string): SimulatorControl {
  const ask = async <T>(path: string, body?: unknown): Promise<T> => {
    const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    const answer = await fetch(`${url}/_sim/${path}`, init);
    if (!answer.ok) throw new Error(`The simulator answered ${answer.status}: ${await answer.text()}`);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the simulator is of this repository, its tests hold the shapes
    return (await answer.json()) as T;
  };
  const posts = async (since: number): Promise<{ rows: RequestRow[]; total: number }> => {
    const rows: RequestRow[] = [];
    let total = 0;
    for (let after: number | null = since; after !== null;) {
      // oxlint-disable-next-line no-await-in-loop -- a page follows from the one before
      const page: RequestPage = await ask(
        `requests?path=/v1/messages&method=POST&limit=10000&since=${after}`,
      );
      rows.push(...page.requests.filter(({ path }) => callPaths.has(path)));
      total = page.total;
      after = page.next;
    }
    return { rows, total };
  };
  let seen = 0;
  return {
    url,
    invoiceNano: async () => BigInt((await ask<{ total_nano: string }>("invoice")).total_nano),
    async unheard(knownRequestIds) {
      let calls = 0;
      let nano = 0n;
      for (let after: number | null = 0; after !== null;) {
        // oxlint-disable-next-line no-await-in-loop -- a page follows from the one before
        const page: InvoicePage = await ask(`invoice?detail=1&limit=10000&after=${after}`);
        for (const item of page.items) {
          if (item.lane !== "realtime" || knownRequestIds.has(item.request_id ?? "")) continue;
          calls += 1;
          nano += BigInt(item.nano ?? 0);
        }
        after = page.next;
      }
      return { calls, nano };
    },
    async newCalls() {
      const { rows, total } = await posts(seen);
      seen = total;
      return rows.length;
    },
    async rateLimit(calls, retryAfterS) {
      await ask("faults", {
        action: "error",
        match: { lane: "realtime" },
        times: calls,
        params: { kind: "rate_limited", retry_after: retryAfterS },
      });
    },
    async clearFaults() {
      await fetch(`${url}/_sim/faults`, { method: "DELETE" });
    },
  };
}
