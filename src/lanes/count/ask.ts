// One count: the request of a job as it was accepted, asked of the provider, and what its answer means.
//
// It carries content, so the gate is asked in the tick in which it is sent, and a change of the flags aborts what is under way for work
// that may not start any more.

import { createHash } from "node:crypto";
import type { Config } from "../../config/config.ts";
import { limits } from "../../config/limits.ts";
import { outcomeRules } from "../../domain/attempt.ts";
import type { Clock } from "../../domain/clock.ts";
import { countRequest } from "../../domain/count-request.ts";
import { isRecord } from "../../domain/json-value.ts";
import type { WorkScope } from "../../domain/work-scope.ts";
import { createPace } from "../../limiter/pace.ts";
import type { UncountedJob } from "../../postgres/count-trust.ts";
import type { CallEnd } from "../../provider/call-end.ts";
import type { Provider } from "../../provider/client.ts";
import { createPlaces } from "../places.ts";
import type { PreparedBulks } from "../prepared-bulks.ts";
import { scopeOf } from "./choice.ts";

export interface AskDeps {
  readonly config: Pick<Config, "countRequestsPerMinute" | "retryAfterMaxMs">;
  readonly clock: Clock;
  readonly provider: Pick<Provider, "request">;
  readonly prepared: PreparedBulks;
}

/** What was learned about a request: its tokens, 0 if it is none the provider counts, null if nothing for now. */
export type Counted = number | null;

export interface Asker {
  /** Counts one job's request in its turn; `stopping` ends the wait for it. */
  count(job: UncountedJob, stopping: AbortSignal): Promise<Counted>;
  /** Models that were refused here a moment ago. Only work that is sent holds a model back for everybody: a count is no work. */
  refused(): string[];
  /** Aborts the counts under way whose work is meant. */
  abort(isMeant: (scope: WorkScope) => boolean): void;
}

export function createAsker({ config, clock, provider, prepared }: AskDeps): Asker {
  const inFlight = new Map<AbortController, WorkScope>();
  const refusedAtMs = new Map<string, number>();
  const isRefused = (model: string): boolean =>
    clock.monotonicMs() - (refusedAtMs.get(model) ?? -Infinity) < limits.countRefusedRestMs;
  const places = createPlaces(limits.countsAtOnce);
  const pace = createPace({
    clock,
    requestsPerMinute: config.countRequestsPerMinute,
    sharers: () => 1,
    retryAfterMaxMs: config.retryAfterMaxMs,
  });

  async function send(body: string, scope: WorkScope): Promise<Counted> {
    const controller = new AbortController();
    inFlight.set(controller, scope);
    try {
      const end = await provider.request(
        {
          method: "post",
          path: "/v1/messages/count_tokens",
          body,
          headers: { "content-type": "application/json" },
        },
        { scope, deadlineMs: limits.countDeadlineMs, signal: controller.signal },
      );
      if (end.kind === "error" && end.status === 429) {
        const seconds = Math.ceil((end.retryAfterMs ?? 1_000) / 1_000);
        pace.learn(new Headers({ "retry-after": String(seconds) }), 429);
      }
      if (end.kind === "error" && outcomeRules[end.outcome].waitReason === "credential")
        refusedAtMs.set(scope.model, clock.monotonicMs());
      return readCount(end);
    } finally {
      inFlight.delete(controller);
    }
  }

  return {
    count: async (job, stopping) => {
      const body = await bodyOf(job, prepared);
      if (body === null || body === 0) return body;
      return places(async () => {
        // Those of a round that come after the first refusal of their model are not sent.
        if (isRefused(job.model) || !(await pace.acquire(stopping))) return null;
        return send(body, scopeOf(job));
      });
    },
    refused: () => [...refusedAtMs.keys()].filter((model) => isRefused(model)),
    abort: (isMeant) => {
      for (const [controller, scope] of inFlight) if (isMeant(scope)) controller.abort();
    },
  };
}

/** The body that asks for the count of exactly what was accepted; 0 or null as in {@link Counted}. */
async function bodyOf(job: UncountedJob, prepared: PreparedBulks): Promise<string | 0 | null> {
  const jobs = await prepared.of(job.bulk_id, job.job_type);
  if (jobs === null) return null;
  try {
    const { params } = jobs.render(job.input, job.prompt_version);
    const isAccepted = createHash("sha256").update(params).digest().equals(job.request_sha256);
    return isAccepted ? (countRequest(params) ?? 0) : null;
  } catch {
    // It can no longer be rendered: whoever sends it says so.
    return null;
  }
}

function readCount(end: CallEnd<unknown>): Counted {
  if (end.kind === "error" && ["invalid_request", "not_found", "too_large"].includes(end.outcome)) return 0;
  if (end.kind !== "answer" || !isRecord(end.body)) return null;
  const tokens = end.body["input_tokens"];
  return typeof tokens === "number" && Number.isSafeInteger(tokens) && tokens > 0 ? tokens : null;
}
