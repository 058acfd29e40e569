// One run's installation: a database, a Redis and a simulator of its own, and the processes of its schedule.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newId } from "../../src/config/ids.ts";
import { startSimulator } from "../../src/simulator/server.ts";
import type { Simulator } from "../../src/simulator/server.ts";
import { openPrivateRedis } from "../support/private-redis.ts";
import type { PrivateRedis } from "../support/private-redis.ts";
import { quietPort } from "../support/quiet-port.ts";
import { SteadyClient } from "../support/steady-client.ts";
import type { Arena } from "./arena.ts";
import { goOn, Member } from "./member.ts";
import { queueNames } from "./plan.ts";
import type { QueueName, Schedule } from "./plan.ts";
import { StrikeLog } from "./strikes.ts";
import type { Strike } from "./strikes.ts";
import { freezeMs, timerSettings } from "./timers.ts";

export interface Field {
  readonly arena: Arena;
  readonly schedule: Schedule;
  readonly simulator: Simulator;
  readonly redis: PrivateRedis;
  readonly databaseUrl: string;
  readonly db: SteadyClient;
  /** What a command of the operator is run with: it reaches the stores directly. */
  readonly operatorEnvironment: Readonly<Record<string, string>>;
  readonly apiUrl: string;
  readonly members: readonly Member[];
  readonly strikes: StrikeLog;
  close(): Promise<void>;
}

const settings = {
  ...timerSettings,
  SLUICE_HOST: "127.0.0.1",
  SLUICE_LOG_LEVEL: "info",
  SLUICE_QUEUE: "redis",
  SLUICE_QUEUE_PREFIX: "torture",
  SLUICE_POOL_MAX: "8",
  SLUICE_CONCURRENCY: "12",
  SLUICE_REQUESTS_PER_MINUTE: "100000",
};

export async function openField(arena: Arena, schedule: Schedule): Promise<Field> {
  const home = mkdtempSync(join(tmpdir(), "sluice-torture-"));
  const [database, redis, simulator, port] = await Promise.all([
    arena.openDatabase(),
    openPrivateRedis(),
    startSimulator({
      profile: "fast",
      seed: schedule.seed,
      cancelDelayMs: 200,
      pollRetryAfterS: 0,
      ...schedule.provider,
    }),
    quietPort(),
  ]);
  const db = new SteadyClient(database.url);
  await setCeilings(db, arena, schedule);
  const report = join(home, "strikes.ndjson");
  const environment = {
    ...settings,
    SLUICE_DATA_DIR: home,
    SLUICE_PORT: String(port),
    TORTURE_REPORT: report,
  };
  const behind = { provider: simulator.url, postgres: database.url, redis: redis.url };
  const members = await Promise.all(
    schedule.processes.map((planned) =>
      Member.open({
        planned,
        processes: arena.processes,
        environment,
        behind,
        blows: blowsOf(schedule, planned.name),
      }),
    ),
  );
  const strikes = new StrikeLog(report, db, (strike) => afterStrike(strike, members));
  return {
    arena,
    schedule,
    simulator,
    redis,
    databaseUrl: database.url,
    db,
    // Without the short timers: the program that the commands belong to has bounds of its own.
    operatorEnvironment: {
      SLUICE_DATA_DIR: home,
      SLUICE_LOG_LEVEL: "silent",
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      SLUICE_PROVIDER_URL: simulator.url,
    },
    apiUrl: `http://127.0.0.1:${port}`,
    members,
    strikes,
    close: async () => {
      await Promise.all(members.map((member) => member.close()));
      await strikes.close();
      await db.end();
      await Promise.all([database.drop(), redis.close(), simulator.close()]);
      rmSync(home, { recursive: true, force: true });
    },
  };
}

const blowsOf = ({ faults }: Schedule, name: string) =>
  faults
    .filter((fault) => fault.kind === "point")
    .filter(({ processes }) => processes.some((each) => each === name));

/** What is frozen goes on three leases later, whoever froze it. */
function afterStrike(strike: Strike, members: readonly Member[]): void {
  for (const member of members) member.struck(strike);
  if (strike.blow !== "freeze") return;
  setTimeout(() => {
    goOn(strike.pid);
    strike.goneOnMs = Date.now();
  }, freezeMs);
}

/** What all lines of a queue cost at worst, in the lanes they are meant for. */
function worstOf({ bulks }: Schedule, { worstNano }: Arena, queue: QueueName): bigint {
  const own = bulks.filter((bulk) => bulk.queue === queue);
  return own.reduce(
    (sum, { lines, urgency }) => sum + (worstNano * BigInt(lines)) / (urgency === "now" ? 1n : 2n),
    0n,
  );
}

async function setCeilings(db: SteadyClient, arena: Arena, schedule: Schedule): Promise<void> {
  for (const name of queueNames) {
    const { id, tenantId } = arena.queues[name];
    const limit =
      (worstOf(schedule, arena, name) * BigInt(Math.round(schedule.ceilings[name] * 1_000))) / 1_000n;
    await db.query(
      `INSERT INTO budgets (id, tenant_id, scope, target, owner, limit_nano, window_kind) VALUES ($1, $2, 'queue', $3, 'torture', $4, 'total')`,
      [newId(), tenantId, id, limit],
    );
  }
}

/** Enough for every attempt of every line at its worst case: from now on nothing waits for money. In one statement, so that it happens whole. */
export async function raiseCeilings(db: SteadyClient): Promise<void> {
  await db.query(`DO $$ BEGIN
    PERFORM FROM budgets ORDER BY id FOR UPDATE;
    PERFORM FROM budget_windows ORDER BY id FOR UPDATE;
    UPDATE budgets SET limit_nano = limit_nano * 200;
    UPDATE budget_windows SET limit_nano = limit_nano * 200;
    PERFORM pg_notify('sluice_budget', target) FROM budgets;
  END $$`);
}
