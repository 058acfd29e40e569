// What the provider saw, asked of the simulator: only what it received counts, never what we believe to have sent.

import type { SimulatorProcess } from "../children.ts";

const messages = "/v1/messages";
const creates = "/v1/messages/batches";
/** The requests that cost money or carry content of jobs. */
const starts: ReadonlySet<string> = new Set([messages, creates, "/v1/messages/count_tokens"]);

interface LogPage {
  readonly total: number;
  readonly running_by_endpoint: Readonly<Record<string, number>>;
  readonly counts: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly requests: readonly LoggedRequest[];
  readonly next: number | null;
}

interface LoggedRequest {
  readonly number: number;
  readonly received_ms: number;
  /** Null while it runs. */
  readonly duration_ms: number | null;
  readonly path: string;
  readonly marker: string | null;
}

const read = async <Answer>(simulator: SimulatorProcess, path: string): Promise<Answer> =>
  (await (await fetch(`${simulator.url}/_sim/${path}`)).json()) as Answer;

const readLog = (simulator: SimulatorProcess, query: string): Promise<LogPage> =>
  read(simulator, `requests?${query}`);

export async function changeUploadSpeed(simulator: SimulatorProcess, uploadBytesPerS: number): Promise<void> {
  const body = JSON.stringify({ uploadBytesPerS });
  await (await fetch(`${simulator.url}/_sim/behaviour`, { method: "POST", body })).arrayBuffer();
}

export interface RunningCalls {
  readonly calls: number;
  readonly creates: number;
}

/** What the provider is at now. */
export async function runningCalls(simulator: SimulatorProcess): Promise<RunningCalls> {
  const { running_by_endpoint: running } = await readLog(simulator, "limit=1");
  return { calls: running[`POST ${messages}`] ?? 0, creates: running[`POST ${creates}`] ?? 0 };
}

/** Where the log stands: its last number, and how many calls have lost their connection so far. */
export async function readMark(simulator: SimulatorProcess): Promise<{ number: number; broken: number }> {
  const { total, counts } = await readLog(simulator, "limit=1");
  return { number: total, broken: counts[`POST ${messages}`]?.["broken"] ?? 0 };
}

/** When each start since then was received, in Unix milliseconds. */
export async function startsSince(simulator: SimulatorProcess, number: number): Promise<number[]> {
  const times: number[] = [];
  for (let from: number | null = number; from !== null;) {
    const page: LogPage = await readLog(simulator, `since=${from}&limit=10000&method=POST`);
    for (const { path, received_ms: at } of page.requests) if (starts.has(path)) times.push(at);
    from = page.next;
  }
  return times;
}

/** The ids of the message batches whose upload was under way at that instant, by their first `custom_id`. */
export async function uploadsAt(simulator: SimulatorProcess, atMs: number): Promise<Set<string>> {
  const ids = new Set<string>();
  for (let from: number | null = 0; from !== null;) {
    const page: LogPage = await readLog(simulator, `since=${from}&limit=10000&method=POST&path=${creates}`);
    for (const { path, received_ms: fromMs, duration_ms: forMs, marker } of page.requests)
      if (path === creates && marker !== null && fromMs <= atMs && fromMs + (forMs ?? Infinity) > atMs)
        ids.add(marker.slice(0, marker.indexOf("-")));
    from = page.next;
  }
  return ids;
}

/** How many message batches were canceled so far. Throws if one goes on: neither ended nor asked to. */
export async function requireCanceled(simulator: SimulatorProcess): Promise<number> {
  const { batches } = await read<{ batches: { id: string; ended_at: string | null; canceled: boolean }[] }>(
    simulator,
    "batches",
  );
  const runs = batches.find(({ ended_at: endedAt, canceled }) => endedAt === null && !canceled);
  if (runs !== undefined) throw new Error(`${runs.id} goes on after the stop was complete`);
  return batches.filter(({ canceled }) => canceled).length;
}
