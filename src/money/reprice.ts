// What was booked at one price and should have been at another: usage is kept raw, so every attempt can be priced again by the
// table of today for the instant its hold was taken. A difference becomes a correction entry; nothing that was booked is changed.
//
// It is safe to run at any time and as often as one likes: an attempt that costs what the table says is passed over, and each
// correction is guarded by the cost it was decided on. Attempts whose usage had no known price when they ended (booked at their
// worst case) are settled once the table knows it.

import { installationTenantId } from "../domain/ids.ts";
import { formatUsd } from "../domain/money.ts";
import { costNanoUsd, priceAt, readUsage } from "../domain/price.ts";
import { limits } from "../config/limits.ts";
import type { Log } from "../observe/log.ts";
import type { Pool } from "../postgres/pool.ts";
import { bookCorrections, readPricedAttempts } from "../postgres/reprice.ts";
import type { AttemptKey, Correction, PriceQuestion, PricedAttempt } from "../postgres/reprice.ts";

export interface RepriceDeps {
  readonly pool: Pool;
  readonly log: Log;
  readonly actor: string;
}

export interface RepriceWish extends PriceQuestion {
  /** Says what would be booked, and books nothing. */
  readonly dryRun: boolean;
}

/** What was found for one model. */
export interface RepricedModel {
  readonly model: string;
  /** Attempts whose price was in question. */
  checked: number;
  corrected: number;
  /** Of today's table without a price for them, or with a usage that cannot be read: left as they are. */
  unpriced: number;
  changeNano: bigint;
}

const firstKey: AttemptKey = { jobId: "", no: 0 };

/** Prices attempts again, page by page. Answers by model, in the order in which models were met. */
export async function reprice(deps: RepriceDeps, wish: RepriceWish): Promise<RepricedModel[]> {
  const models = new Map<string, RepricedModel>();
  let after = firstKey;
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- a page follows from the one before
    const page = await readPricedAttempts(deps.pool, after, wish, limits.repriceRowsMax);
    const last = page.at(-1);
    if (last === undefined) return [...models.values()];
    after = { jobId: last.job_id, no: last.no };
    const found = page.filter((row) => row.in_question).map((row) => ({ row, verdict: judge(row) }));
    for (const { row, verdict } of found) note(models, row, verdict);
    const wrong = found.flatMap(({ verdict }) => (typeof verdict === "string" ? [] : [verdict]));
    // oxlint-disable-next-line no-await-in-loop -- as above
    if (!wish.dryRun && wrong.length > 0) await book(deps, wish, wrong);
  }
}

/** The correction an attempt needs; `right` where it costs what it should, `unpriced` where nobody can say. */
function judge(row: PricedAttempt): Correction | "right" | "unpriced" {
  const usage = readUsage(row.usage);
  const price = priceAt(row.model, row.price_at.getTime());
  if (usage === null || price === undefined || row.cost_nano === null) return "unpriced";
  const costNano = costNanoUsd(usage, { lane: row.lane, price });
  const realtimeNano = costNanoUsd(usage, { lane: "realtime", price });
  if (costNano === row.cost_nano && realtimeNano === row.realtime_nano) return "right";
  return {
    jobId: row.job_id,
    no: row.no,
    priorNano: row.cost_nano,
    costNano,
    realtimeNano,
    priceId: price.id,
  };
}

function note(
  models: Map<string, RepricedModel>,
  row: PricedAttempt,
  verdict: ReturnType<typeof judge>,
): void {
  const model = models.get(row.model) ?? {
    model: row.model,
    checked: 0,
    corrected: 0,
    unpriced: 0,
    changeNano: 0n,
  };
  models.set(row.model, model);
  model.checked += 1;
  if (verdict === "unpriced") model.unpriced += 1;
  else if (verdict !== "right") {
    model.corrected += 1;
    model.changeNano += verdict.costNano - verdict.priorNano;
  }
}

async function book(
  { pool, log, actor }: RepriceDeps,
  { since, until, model }: RepriceWish,
  corrections: readonly Correction[],
): Promise<void> {
  const booked = await bookCorrections(pool, corrections, (entries) => ({
    tenantId: installationTenantId,
    actor,
    act: "ledger.repriced",
    subjectKind: "model",
    subjectId: model ?? "any",
    detail: {
      since: since.toISOString(),
      until: until.toISOString(),
      attempts: entries.length,
      change_usd: formatUsd(entries.reduce((sum, { changeNano }) => sum + changeNano, 0n)),
    },
  }));
  for (const { jobId, no, changeNano, overrunNano } of booked) {
    log.event("attempt.repriced", { jobId, attemptNo: no, changeNano });
    if (overrunNano > 0n) log.event("budget.overrun", { jobId, attemptNo: no, overrunNano });
  }
}
