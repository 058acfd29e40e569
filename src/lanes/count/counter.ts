// Counts the requests of work that found no room under a ceiling, so that less has to be held for it.
//
// A count is free and carries the content of a job, so it is a start like any other: every stop, pause and permission holds for it. One
// process counts at a time, at a pace of its own. Nothing depends on it: a count that fails is asked for again in a later round, and
// until then the bound by bytes holds. Work that fits is never counted, and only so much of the rest before it is known whether counts
// of its model can be believed.

import { limits } from "../../config/limits.ts";
import type { Gate } from "../../domain/work-scope.ts";
import { errorFields } from "../../observe/error-fields.ts";
import type { Log } from "../../observe/log.ts";
import { notifyBudget } from "../../postgres/budgets.ts";
import { knowModels, readTrusts, storeCounts } from "../../postgres/count-trust.ts";
import { readCredential } from "../../postgres/credentials.ts";
import type { Pool } from "../../postgres/pool.ts";
import { createAsker } from "./ask.ts";
import type { AskDeps, Asker } from "./ask.ts";
import { believed, createChoice } from "./choice.ts";
import type { Choice } from "./choice.ts";

export interface CounterDeps extends AskDeps {
  readonly pool: Pool;
  readonly log: Log;
  readonly gate: Gate;
  readonly credentialId: string;
  /** Whether this process is the one that counts. */
  mayRun(): boolean;
}

export interface TokenCounter {
  /** One round; answers how many jobs have their count now. */
  runOnce(): Promise<number>;
  start(): void;
  /** Aborts the counts whose work may not start any more: after a change of the flags. */
  abortShut(): void;
  stop(): Promise<void>;
}

export function createTokenCounter(deps: CounterDeps): TokenCounter {
  const stopping = new AbortController();
  const asker = createAsker(deps);
  const choose = createChoice(deps);
  const runOnce = async (): Promise<number> =>
    deps.mayRun() && !stopping.signal.aborted
      ? countWaiting(deps, { asker, choose, stopping: stopping.signal })
      : 0;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();

  const turn = async (): Promise<void> => {
    const stored = await runOnce().catch((error: unknown) => {
      deps.log.event("sweep.failed", { sweep: "count_tokens", ...errorFields(error) });
      return 0;
    });
    schedule(stored > 0 ? 0 : limits.countEveryMs);
  };
  const schedule = (waitMs: number): void => {
    if (stopping.signal.aborted) return;
    timer = setTimeout(() => {
      running = turn();
    }, waitMs);
    timer.unref();
  };
  return {
    runOnce,
    start: () => schedule(0),
    abortShut: () => asker.abort((scope) => !deps.gate(scope).open),
    stop: async () => {
      stopping.abort();
      clearTimeout(timer);
      asker.abort(() => true);
      await running;
    },
  };
}

interface Round {
  readonly asker: Asker;
  readonly choose: Choice;
  readonly stopping: AbortSignal;
}

async function countWaiting(deps: CounterDeps, { asker, choose, stopping }: Round): Promise<number> {
  const { pool, log } = deps;
  const credential = await readCredential(pool, deps.credentialId);
  if (credential === null || credential.stoppedAt !== null) return 0;
  const trusts = await readTrusts(pool);
  const jobs = await choose(trusts, new Set([...credential.refusedModels.keys(), ...asker.refused()]));
  if (jobs.length === 0) return 0;
  // Before the first of them can be settled: a settlement judges rows that are there.
  const models = new Set(jobs.map((job) => job.model));
  await knowModels(
    pool,
    [...models].filter((model) => !trusts.has(model)),
  );
  const counts = new Map<string, number>();
  await Promise.all(
    jobs.map(async (job) => {
      const tokens = await asker.count(job, stopping);
      if (tokens !== null) counts.set(job.id, tokens);
    }),
  );
  const stored = await storeCounts(pool, counts);
  log.event("count.stored", { asked: jobs.length, stored });
  const isUsed = jobs.some((job) => (counts.get(job.id) ?? 0) > 0 && believed(trusts.get(job.model)));
  if (isUsed) await notifyBudget(pool, "counted");
  return stored;
}
