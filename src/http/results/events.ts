// A bulk as server-sent events: one when it changed, a comment now and then so that proxies keep the line open, `done` at the end.
// Each stream reads the tallies once a second, which costs the same whatever waits in the bulk.
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { Response } from "express";
import { limits } from "../../config/limits.ts";
import type { Clock } from "../../domain/clock.ts";
import { findBulk, readTallies } from "../../postgres/bulks.ts";
import { ServiceError } from "../../domain/errors.ts";
import type { Pool } from "../../postgres/pool.ts";
import { presentBulk } from "../present.ts";
import { goneSignal } from "./stream.ts";

interface EventsDeps {
  readonly pool: Pool;
  readonly clock: Clock;
}

/** Streams until the bulk is finished or the caller is gone. A failure half way cuts the connection: EventSource comes again. */
export async function streamEvents(
  deps: EventsDeps,
  bulk: { id: string; tenantId: string },
  { response, origin }: { response: Response; origin: string },
): Promise<void> {
  const signal = goneSignal(response);
  response.status(200);
  response.setHeader("Content-Type", "text/event-stream; charset=utf-8");
  response.setHeader("Cache-Control", "no-store");
  // nginx holds answers back unless told otherwise.
  response.setHeader("X-Accel-Buffering", "no");
  response.flushHeaders();
  let shown = "";
  let spokeMs = deps.clock.monotonicMs();
  while (!signal.aborted) {
    // oxlint-disable-next-line no-await-in-loop -- it watches on purpose
    const now = await readBulk(deps.pool, bulk, origin);
    const data = JSON.stringify(now);
    const ended = now.state === "finished" || now.state === "deleted";
    const nowMs = deps.clock.monotonicMs();
    let text = "";
    if (data !== shown || ended) text = `event: ${ended ? "done" : "progress"}\ndata: ${data}\n\n`;
    else if (nowMs - spokeMs >= limits.sseHeartbeatMs) text = ": still here\n\n";
    if (text !== "") {
      shown = data;
      spokeMs = nowMs;
      // oxlint-disable-next-line no-await-in-loop -- a slow reader gets the next state, not every state
      if (!response.write(text)) await once(response, "drain", { signal }).catch(() => undefined);
    }
    if (ended) break;
    // oxlint-disable-next-line no-await-in-loop
    await sleep(limits.followEveryMs, undefined, { signal }).catch(() => undefined);
  }
  response.end();
}

async function readBulk(pool: Pool, { id, tenantId }: { id: string; tenantId: string }, origin: string) {
  const [row, tallies] = await Promise.all([findBulk(pool, id, tenantId), readTallies(pool, [id])]);
  if (row === undefined) throw new ServiceError("not_found");
  return presentBulk(row, tallies.get(id) ?? [], origin);
}
