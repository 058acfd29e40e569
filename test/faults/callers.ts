// The callers of a run. Each bulk carries an Idempotency-Key and is sent until its 202 is heard, as the documentation asks callers
// to do: an API that dies before, after or in the middle must neither lose it nor take it twice.

import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { Arena } from "./arena.ts";
import { sharedInput, textOf } from "./arena.ts";
import type { PlannedBulk } from "./plan.ts";
import { intakeChunkLines } from "./timers.ts";

const accepted = z.object({ id: z.string(), accepted: z.int() });

export interface AcceptedBulk {
  readonly id: string;
  readonly key: string;
  readonly lines: number;
}

export interface Door {
  readonly url: string;
  readonly arena: Arena;
  readonly seed: number;
}

const againAfterMs = 100;
const betweenPiecesMs = 30;
const giveUpMs = 20_000;
/** An API that is frozen does not answer; the caller asks again, and the frozen one finds the key taken when it goes on. */
const answerTimeoutMs = 4_000;

/** Submits a bulk until it is accepted. */
export async function submitBulk(door: Door, bulk: PlannedBulk, number: number): Promise<AcceptedBulk> {
  const key = `torture-${door.seed}-${number}`;
  const lines = Array.from({ length: bulk.lines }, (_, line) => ({
    input: { text: textOf(`${key}-${line}`) },
  }));
  const written = [{ shared: sharedInput }, ...lines].map((line) => `${JSON.stringify(line)}\n`);
  const queue = bulk.queue.split("/")[1] ?? "";
  const answer = await untilAnswered(door, {
    path: `/v1/bulks?type=classify-intent&urgency=${bulk.urgency}&queue=${queue}`,
    headers: { "content-type": "application/x-ndjson", "idempotency-key": key },
    owner: door.arena.queues[bulk.queue].key,
    body: () => inPieces(written),
  });
  return { key, lines: bulk.lines, id: accepted.parse(answer).id };
}

/** A body that comes chunk after chunk, so that a part of it is written while more is to come. */
async function* inPieces(lines: readonly string[]): AsyncGenerator<Uint8Array> {
  // The first line is what they share.
  for (let from = 0, to = 1 + intakeChunkLines; from < lines.length; from = to, to += intakeChunkLines) {
    yield new TextEncoder().encode(lines.slice(from, to).join(""));
    await sleep(betweenPiecesMs);
  }
}

/** Asks for the end of a bulk; one that has ended by then is no mistake. */
export async function cancelBulk(door: Door, bulk: PlannedBulk, id: string): Promise<void> {
  await untilAnswered(door, {
    path: `/v1/bulks/${id}/cancel`,
    headers: { "content-type": "application/json" },
    owner: door.arena.queues[bulk.queue].key,
    body: () => "{}",
  });
}

export interface Wanted {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly owner: string;
  /** Made anew for each try. */
  readonly body: () => string | AsyncGenerator<Uint8Array>;
}

/** Asks until the answer is heard. */
export async function untilAnswered(door: Door, { path, headers, owner, body }: Wanted): Promise<unknown> {
  const deadline = performance.now() + giveUpMs;
  let last = "nothing";
  while (performance.now() < deadline) {
    try {
      const response = await fetch(`${door.url}${path}`, {
        method: "POST",
        headers: { ...headers, authorization: `Bearer ${owner}` },
        body: body(),
        duplex: "half",
        signal: AbortSignal.timeout(answerTimeoutMs),
      });
      const text = await response.text();
      last = `${response.status} ${text}`;
      if (response.status < 300) return JSON.parse(text) as unknown;
      if (response.status === 409 && text.includes("bulk_finished")) return null;
      if (response.status === 400 || response.status === 404 || response.status === 422) break;
    } catch (error) {
      last = String(error);
    }
    await sleep(againAfterMs);
  }
  throw new Error(`${path} was not answered as it should be: ${last}`);
}
