// The runaway breaker's rounds: add up the ledger, then look at queues and, after them, at tenants. What trips is paused with a reason
// in figures and an alert; a person lifts it (control/pauses.ts sees to that), and from then on only what comes after counts.
//
// Its memory may lag behind after a long absence. Then nothing is judged until it has caught up: a median of half the hours would be
// another median.
import { limits } from "../config/limits.ts";
import {
  attemptsTrip,
  breakerScopes,
  goodOutcomes,
  heldBackReasons,
  spendTrips,
  spendWorthALook,
  type BreakerRules,
  type BreakerScope,
} from "../domain/breaker.ts";
import type { Log } from "../observe/log.ts";
import { foldSpend, readHours, readRecentAttempts, readRecentSpend } from "../postgres/breaker.ts";
import { tripBreaker } from "../postgres/guard-pauses.ts";
import type { Pool } from "../postgres/pool.ts";
import type { Sweep } from "./sweep.ts";

interface BreakerDeps {
  readonly pool: Pool;
  readonly newId: () => string;
  readonly rules: BreakerRules;
  readonly log: Log;
}

interface Finding {
  readonly target: string;
  readonly tenantId: string;
  readonly reason: string;
}

export function createBreaker(deps: BreakerDeps): Sweep {
  return {
    name: "breaker",
    everyMs: limits.breakerEveryMs,
    async runOnce() {
      if (!(await caughtUp(deps.pool))) return 0;
      let tripped = 0;
      // oxlint-disable no-await-in-loop -- what the queues trip is left out of their tenants
      for (const scope of breakerScopes) {
        for (const finding of await findRunaways(deps, scope)) tripped += await trip(deps, scope, finding);
      }
      // oxlint-enable no-await-in-loop
      return tripped;
    },
  };
}

async function caughtUp(pool: Pool): Promise<boolean> {
  for (let round = 0; round < limits.sweepRoundsMax; round += 1) {
    // oxlint-disable-next-line no-await-in-loop -- hour after hour
    if (!(await foldSpend(pool, limits.spendFoldLagMs)).isBehind) return true;
  }
  return false;
}

/** At most one finding a target: the first rule that speaks. */
async function findRunaways(deps: BreakerDeps, scope: BreakerScope): Promise<Finding[]> {
  const findings = [...(await findByAttempts(deps, scope)), ...(await findBySpend(deps, scope))];
  return [...new Map(findings.map((finding) => [finding.target, finding])).values()];
}

async function findBySpend({ pool, rules }: BreakerDeps, scope: BreakerScope): Promise<Finding[]> {
  const aboveNano = spendWorthALook(rules);
  if (aboveNano === null) return [];
  const spends = await readRecentSpend(pool, scope, aboveNano);
  const hours = await readHours(
    pool,
    scope,
    spends.map(({ target }) => target),
  );
  return spends.flatMap(({ target, tenantId, recentNano }) => {
    const reason = spendTrips(rules, recentNano, hours.get(target) ?? []);
    return reason === undefined ? [] : [{ target, tenantId, reason }];
  });
}

async function findByAttempts({ pool, rules }: BreakerDeps, scope: BreakerScope): Promise<Finding[]> {
  if (rules.failurePct === 0 && rules.retryPct === 0) return [];
  const counts = await readRecentAttempts(pool, scope, {
    entriesMax: limits.breakerEntriesMax,
    attemptsMin: rules.attemptsMin,
    goodOutcomes,
    heldBackReasons,
  });
  return counts.flatMap(({ target, tenantId, ...ends }) => {
    const reason = attemptsTrip(rules, ends);
    return reason === undefined ? [] : [{ target, tenantId, reason }];
  });
}

async function trip(
  { pool, newId, log }: BreakerDeps,
  scope: BreakerScope,
  finding: Finding,
): Promise<number> {
  const flag = await tripBreaker(pool, { flagId: newId(), scope, ...finding });
  if (flag === undefined) return 0;
  log.event("breaker.tripped", { flag: flag.id, scope, target: flag.target, reason: finding.reason });
  return 1;
}
