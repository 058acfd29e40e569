// The counter against the simulator: it counts what a ceiling keeps waiting and nothing else, holds to every stop, and its counts let
// more of it through. Batch lane taken step by step; the realtime lane with a whole service.
import { afterEach, expect, test } from "vitest";
import { newId } from "../../src/config/ids.ts";
import { countSamplesMin } from "../../src/domain/count-trust.ts";
import { flagScopes, indexFlags, verdictOf } from "../../src/domain/flag.ts";
import type { FlagKind, FlagScope } from "../../src/domain/flag.ts";
import type { Gate, WorkScope } from "../../src/domain/work-scope.ts";
import { createTokenCounter } from "../../src/lanes/count/counter.ts";
import type { TokenCounter } from "../../src/lanes/count/counter.ts";
import { createProvider } from "../../src/provider/client.ts";
import type { Simulator } from "../../src/simulator/server.ts";
import { openInstallation } from "../support/installation.ts";
import type { Installation } from "../support/installation.ts";
import { judge } from "../support/referee.ts";
import { setBudget, submitBulk } from "../support/submit.ts";
import { waitFor } from "../support/wait.ts";
import { openBatchFixture } from "./batch-fixture.ts";
import type { BatchFixture, FixtureOptions } from "./batch-fixture.ts";
import { judgeLane } from "./batch-judge.ts";

const model = "claude-haiku-5-5";
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const useCounts = { useCounts: true, capOf: () => null };

async function openFixture(options: FixtureOptions = {}): Promise<BatchFixture> {
  const fixture = await openBatchFixture(options);
  closers.push(() => fixture.close());
  return fixture;
}

function counterOf({ deps, simulator }: BatchFixture, gate: Gate = () => ({ open: true })): TokenCounter {
  const provider = createProvider({ baseUrl: simulator.url, apiKey: "test-key", gate, clock: deps.clock });
  const counter = createTokenCounter({
    ...deps,
    config: { countRequestsPerMinute: 100_000, retryAfterMaxMs: 1_000 },
    gate,
    provider,
    mayRun: () => true,
  });
  closers.push(
    () => provider.close(),
    () => counter.stop(),
  );
  return counter;
}

const countsAsked = ({ world }: Simulator): number => {
  const view = world.log.view({
    path: "/v1/messages/count_tokens",
    method: "POST",
    since: 0,
    limit: 100_000,
  });
  return (view["requests"] as unknown[]).length;
};

const trusted = (fixture: BatchFixture): Promise<unknown> =>
  fixture.rows("INSERT INTO count_trust (model, samples) VALUES ($1, $2)", [model, countSamplesMin]);

/** A ceiling over the queue: the worst case of so many lines by bytes, learned from a line that runs without one. */
async function ceilingFor(fixture: BatchFixture, lines: bigint): Promise<bigint> {
  await fixture.submit(1);
  await fixture.drive();
  const [row] = await fixture.rows<{ worst: bigint }>("SELECT max(worst_nano) AS worst FROM attempts");
  const worst = row?.worst ?? 0n;
  await fixture.rows(
    `INSERT INTO budgets (id, tenant_id, scope, target, owner, limit_nano, window_kind)
     SELECT $1, q.tenant_id, 'queue', q.id, 'test', $2, 'total' FROM queues q WHERE q.name = 'default'`,
    [newId(), worst * lines],
  );
  return worst;
}

/** A collector whose look finds no room marks everything that waits for it. */
async function bind(fixture: BatchFixture, lines: number): Promise<number> {
  await fixture.submit(lines);
  const lane = fixture.another({ tightening: useCounts });
  const { batchIds } = await lane.collector.runOnce();
  const [row] = await fixture.rows<{ n: number }>(
    "SELECT count(*)::int AS n FROM attempts WHERE message_batch_id = ANY ($1)",
    [batchIds],
  );
  return row?.n ?? 0;
}

test("in the batch lane a ceiling that binds by bytes admits more after counting", async () => {
  const fixture = await openFixture();
  const worst = await ceilingFor(fixture, 40n);
  await trusted(fixture);
  const byBytes = await bind(fixture, 200);
  // Lines with longer numbers in them than the first are a little dearer.
  expect(byBytes).toBeGreaterThan(35);
  expect(byBytes).toBeLessThanOrEqual(40);
  expect(await counterOf(fixture).runOnce()).toBe(50);
  // The others of the queue wait for the next rounds; those that were counted go now.
  const lane = fixture.another({ tightening: useCounts });
  await fixture.rows("UPDATE budget_windows SET limit_nano = limit_nano * 2");
  const { batchIds } = await lane.collector.runOnce();
  const [row] = await fixture.rows<{ n: number; held: bigint; bytes: number; most: number }>(
    `SELECT count(*)::int AS n, sum(a.worst_nano)::bigint AS held, min(j.input_tokens_max) AS bytes, max(a.input_tokens_max) AS most
       FROM attempts a JOIN jobs j ON j.id = a.job_id WHERE a.message_batch_id = ANY ($1) AND j.input_tokens_counted > 0`,
    [batchIds],
  );
  // As many dollars as held 40 lines by bytes hold all 50 counted ones and leave room.
  expect(row?.n).toBe(50);
  expect(row?.held).toBeLessThan(worst * 40n);
  expect(row?.most).toBeLessThan((row?.bytes ?? 0) / 2);
  await fixture.rows("UPDATE budget_windows SET limit_nano = limit_nano * 100");
  fixture.lane.budgetChanged();
  await fixture.drive();
  expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 201 });
});

test("an intent whose holds rest on counts that are refuted before it is sent goes back, and is held by bytes", async () => {
  const fixture = await openFixture();
  await ceilingFor(fixture, 40n);
  await trusted(fixture);
  await bind(fixture, 200);
  await counterOf(fixture).runOnce();
  const lane = fixture.another({ tightening: useCounts });
  await fixture.rows("UPDATE budget_windows SET limit_nano = limit_nano * 2");
  const [batchId = ""] = (await lane.collector.runOnce()).batchIds;
  const known = fixture.simulator.world.batches.all().length;
  await fixture.rows("UPDATE count_trust SET off_at = now(), off_reason = 'one bill above'");
  await lane.runStep(batchId);
  expect(fixture.simulator.world.batches.all()).toHaveLength(known);
  expect(
    await fixture.rows("SELECT 1 FROM attempts WHERE message_batch_id = $1 AND state = 'open'", [batchId]),
  ).toEqual([]);
  await fixture.rows("UPDATE budget_windows SET limit_nano = limit_nano * 100");
  fixture.lane.budgetChanged();
  await fixture.drive();
  expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 201 });
});

test("what fits is never counted, nor what waits because no budget covers it", async () => {
  const fixture = await openFixture();
  await ceilingFor(fixture, 1_000n);
  expect(await bind(fixture, 120)).toBe(120);
  expect(await counterOf(fixture).runOnce()).toBe(0);
  const bare = await openFixture({ settings: { SLUICE_UNBUDGETED: "refuse" } });
  await bare.rows("UPDATE budgets SET ended_at = now()");
  expect(await bind(bare, 120)).toBe(0);
  expect(await bare.rows("SELECT DISTINCT wait_reason FROM jobs")).toEqual([{ wait_reason: "budget" }]);
  expect(await counterOf(bare).runOnce()).toBe(0);
  expect(countsAsked(fixture.simulator) + countsAsked(bare.simulator)).toBe(0);
});

test("a stop or pause of any scope that covers the work keeps its count from starting", async () => {
  const fixture = await openFixture();
  await ceilingFor(fixture, 10n);
  await bind(fixture, 60);
  const [work] = await fixture.rows<{
    tenant_id: string;
    queue_id: string;
    bulk_id: string;
    job_type: string;
  }>("SELECT tenant_id, queue_id, bulk_id, job_type FROM jobs WHERE state = 'queued' LIMIT 1");
  const target: Record<FlagScope, string> = {
    global: "",
    tenant: work?.tenant_id ?? "",
    queue: work?.queue_id ?? "",
    job_type: work?.job_type ?? "",
    model,
    bulk: work?.bulk_id ?? "",
  };
  const gateOf = (kind: FlagKind, scope: FlagScope): Gate => {
    const flag = { id: "f", tenantId: "installation", kind, scope, target: target[scope], reason: "because" };
    const open = indexFlags([
      { ...flag, mode: kind === "stop" ? "drain" : null, setBy: "ada", setAt: new Date() },
    ]);
    return (scoped) => verdictOf(open, scoped);
  };
  for (const kind of ["stop", "pause"] as const) {
    for (const scope of flagScopes) {
      expect(await counterOf(fixture, gateOf(kind, scope)).runOnce()).toBe(0);
      // And one that is set between the choice and the call: the gate in the fetch is the one that counts.
      let asked = 0;
      const late: Gate = (scoped: WorkScope) =>
        (asked += 1) > 50 ? gateOf(kind, scope)(scoped) : { open: true };
      expect(await counterOf(fixture, late).runOnce()).toBe(0);
      expect(asked).toBeGreaterThan(50);
    }
  }
  const noPermission: Gate = () => ({ open: false, why: "no_permission", flagId: null, reason: "late" });
  expect(await counterOf(fixture, noPermission).runOnce()).toBe(0);
  expect(countsAsked(fixture.simulator)).toBe(0);
  expect(await counterOf(fixture).runOnce()).toBe(50);
});

test("a stop aborts the counts under way, and a count that fails is asked for again", async () => {
  const fixture = await openFixture();
  await ceilingFor(fixture, 10n);
  await bind(fixture, 20);
  const path = "/v1/messages/count_tokens";
  fixture.simulator.addFault({ match: { path }, action: "hang", times: 8 });
  let open = true;
  const gate: Gate = () => (open ? { open } : { open: false, why: "stop", flagId: "f", reason: "because" });
  const counter = counterOf(fixture, gate);
  const round = counter.runOnce();
  await waitFor("counts to be under way", () => countsAsked(fixture.simulator) === 8);
  open = false;
  counter.abortShut();
  expect(await round).toBe(0);
  expect(countsAsked(fixture.simulator)).toBe(8);
  open = true;
  fixture.simulator.addFault({ match: { path }, action: "error", times: 5, params: { status: 529 } });
  const first = await counter.runOnce();
  const second = await counter.runOnce();
  expect([first, second]).toEqual([5, 5]);
});

let installation: Installation | undefined;
afterEach(async () => {
  await installation?.close();
  installation = undefined;
});

const sentence =
  "I have lost my card on the way from the station to the office and would like a new one, please. ";
const letters = (howMany: number): Record<string, unknown>[] =>
  Array.from({ length: howMany }, (_, n) => ({ text: `Letter ${n}. ${sentence.repeat(40)}` }));

test("under a ceiling that binds, a service counts, learns by its bills and holds less; the bill agrees with the books", async () => {
  installation = await openInstallation({ simulator: { countShare: { min: 0.94, max: 1 } } });
  const { db, databaseUrl, simulator } = installation;
  await installation.start();
  const work = { lane: "realtime" as const, shared: { labels: ["card_lost", "refund"] } };
  await submitBulk(databaseUrl, { ...work, inputs: letters(1) });
  await waitFor("the first", async () => (await finished()) === 1, { timeoutMs: 25_000 });
  const { rows } = await db.query<{ worst: string; cost: string }>(
    "SELECT max(worst_nano) AS worst, max(cost_nano) AS cost FROM attempts",
  );
  // Room for three at a time by bytes, and for all of them in the end.
  const [worst, cost] = [BigInt(rows[0]?.worst ?? 0), BigInt(rows[0]?.cost ?? 0)];
  await setBudget(db, worst * 3n + cost * 260n);
  await db.query("UPDATE budgets SET limit_nano = $1", [worst * 3n]);
  await submitBulk(databaseUrl, { ...work, inputs: letters(240) });
  // While nothing has room they are counted: enough to learn from, and enough to hold less for afterwards.
  await waitFor("most of them to be counted", async () => (await counted()) >= countSamplesMin * 3, {
    timeoutMs: 60_000,
  });
  // The limit rises with what is spent, so that room stays for three by bytes at every moment.
  await waitFor(
    "all of them",
    async () => {
      await db.query(
        "UPDATE budget_windows SET limit_nano = spent_nano + greatest(held_nano, $1::bigint * 3)",
        [worst],
      );
      await db.query("SELECT pg_notify('sluice_budget', '')");
      return (await finished()) === 241;
    },
    { timeoutMs: 90_000, everyMs: 100 },
  );
  const { rows: held } = await db.query<{
    tight: number;
    bytes: number;
    most: number;
    samples: string;
    off: boolean;
  }>(
    `SELECT count(*) FILTER (WHERE a.input_tokens_max < j.input_tokens_max)::int AS tight, min(j.input_tokens_max) AS bytes,
            min(a.input_tokens_max) AS most, (SELECT samples FROM count_trust) AS samples, (SELECT off_at IS NOT NULL FROM count_trust) AS off
       FROM attempts a JOIN jobs j ON j.id = a.job_id`,
  );
  expect(held[0]?.off).toBe(false);
  expect(Number(held[0]?.samples)).toBeGreaterThanOrEqual(countSamplesMin);
  expect(held[0]?.tight).toBeGreaterThan(20);
  expect(held[0]?.most).toBeLessThan((held[0]?.bytes ?? 0) / 2);
  expect(countsAsked(simulator)).toBeGreaterThan(0);
  await waitFor(
    "the bulks to be told",
    async () => (await db.query("SELECT 1 FROM bulks WHERE finished_at IS NULL")).rows.length === 0,
  );
  await judge(db, simulator);
}, 150_000);

async function counted(): Promise<number> {
  const found = await installation?.db.query<{ n: number }>(
    "SELECT count(*)::int AS n FROM jobs WHERE input_tokens_counted > 0",
  );
  return found?.rows[0]?.n ?? 0;
}

async function finished(): Promise<number> {
  const found = await installation?.db.query<{ n: number }>(
    "SELECT count(*)::int AS n FROM jobs WHERE state = 'succeeded'",
  );
  return found?.rows[0]?.n ?? 0;
}
