/** Everything one running simulator owns, handed to each handler as one record. */
import type { BatchStore } from "./batches/store.ts";
import type { VirtualClock } from "./clock.ts";
import type { Faults } from "./faults.ts";
import type { Ids } from "./ids.ts";
import type { Invoice } from "./invoice.ts";
import type { Limits } from "./limits.ts";
import type { PromptCache } from "./messages/prompt-cache.ts";
import type { Behaviour, Settings } from "./options.ts";
import type { RequestLog } from "./request-log.ts";

export interface World {
  readonly settings: Settings;
  readonly behaviour: Behaviour;
  readonly clock: VirtualClock;
  readonly ids: Ids;
  readonly invoice: Invoice;
  readonly log: RequestLog;
  readonly limits: Limits;
  readonly faults: Faults;
  readonly cache: PromptCache;
  readonly batches: BatchStore;
}

/** Who is asking: the workspace of the key, and a hash that may be shown. */
export interface Identity {
  readonly keyHash: string;
  readonly workspace: string;
}

export type ApiVersion = "2023-06-01" | "2026-10-21";
