/** A made-up batch for the lenient profile, where contract tests ask for ids that never existed. */
import { originOf } from "../exchange.ts";
import type { Exchange } from "../exchange.ts";
import { dayMs } from "./batch.ts";
import { rowText } from "./line.ts";

export const cannedBatch = (exchange: Exchange, id: string): Record<string, unknown> => {
  const now = exchange.world.clock.now();
  const at = new Date(now).toISOString();
  return {
    id,
    type: "message_batch",
    processing_status: "ended",
    request_counts: { processing: 0, succeeded: 1, errored: 0, canceled: 0, expired: 0 },
    created_at: at,
    expires_at: new Date(now + dayMs).toISOString(),
    ended_at: at,
    cancel_initiated_at: null,
    archived_at: null,
    results_url: `${originOf(exchange)}/v1/messages/batches/${encodeURIComponent(id)}/results`,
  };
};

export const cannedRow = (): string => rowText("my-custom-id-1", { type: "canceled" });
