// What the routes share: the deps of the app, and the few things that live as long as it.
import { createIdempotency, type Idempotency } from "../intake/idempotency.ts";
import { createSlots, type Slots } from "../intake/slots.ts";
import type { IntakeDeps } from "../intake/submit.ts";
import { limits } from "../config/limits.ts";
import { createRejectingCheck } from "./budgets/turn-away.ts";
import type { AppDeps } from "./deps.ts";

export interface Api extends AppDeps {
  readonly intake: IntakeDeps;
  readonly idempotency: Idempotency;
  /** Event streams and followed results that may be open at once. */
  readonly streams: Slots;
  /** Bulks in their JSON form that may be in memory at once; NDJSON streams and needs none. */
  readonly jsonBulks: Slots;
  /** Whether any budget turns submissions away when it has no room. */
  readonly anyRejecting: () => Promise<boolean>;
}

export function createApi(deps: AppDeps): Api {
  const { config } = deps;
  const uploadsMax = Math.max(1, Math.floor(config.poolMax * limits.poolShareOfUploads));
  return {
    ...deps,
    intake: {
      pool: deps.pool,
      clock: deps.clock,
      newId: deps.newId,
      settings: config,
      uploads: createSlots(uploadsMax, limits.storeRetryAfterS),
    },
    idempotency: createIdempotency({
      pool: deps.pool,
      clock: deps.clock,
      process: deps.process,
      ttlMs: config.idempotencyTtlMs,
    }),
    streams: createSlots(limits.sseStreamsMax, limits.storeRetryAfterS),
    jsonBulks: createSlots(limits.jsonBulksMax, limits.storeRetryAfterS),
    anyRejecting: createRejectingCheck(deps),
  };
}
