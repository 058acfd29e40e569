// Message batches brought to a certain point of their life and kept there, so that a test can strike just then. The simulator
// keeps them: by its clock, by an answer that it does not give, by a download that drips.

import type pg from "pg";
import type { Simulator } from "../../src/simulator/server.ts";
import { waitFor } from "../support/wait.ts";

export interface Stage {
  readonly simulator: Simulator;
  readonly db: pg.Client;
  /** Submits that many lines as a bulk for the batch lane; answers its id. */
  submit(lines: number): Promise<string>;
}

const createPath = "/v1/messages/batches";
export const resultsPath = "/v1/messages/batches/{id}/results";
export const hourMs = 3_600_000;
const patient = { timeoutMs: 60_000 };

/** From now on a new message batch takes this long, by the simulator's clock. */
export function batchesTake({ simulator }: Pick<Stage, "simulator">, ms: number): void {
  simulator.world.behaviour.batchDurationMs = { min: ms, max: ms };
}

/** A bulk of about 1,000 lines whose message batch is being ingested: half is settled, the rest comes when the clock has moved an hour. */
export async function bringToIngest(stage: Stage, lines: number): Promise<string> {
  batchesTake(stage, 0);
  const params = { bytes: 450_000, interval_ms: hourMs };
  stage.simulator.addFault({ action: "slow_drip", match: { path: resultsPath }, params });
  const bulkId = await stage.submit(lines);
  await waitFor("an ingest under way", async () => (await countSucceeded(stage.db, bulkId)) > 0, patient);
  return bulkId;
}

/** A bulk whose message batch runs at the provider for a simulated hour. */
export async function bringToPoll(stage: Stage, lines: number): Promise<string> {
  batchesTake(stage, hourMs);
  const bulkId = await stage.submit(lines);
  await waitFor("a poll", async () => (await stateOf(stage.db, bulkId)) === "created", patient);
  return bulkId;
}

/** A bulk whose message batch the provider has accepted without giving an answer yet. */
export async function bringToAcceptance(stage: Stage, lines: number): Promise<string> {
  const match = { path: createPath, method: "POST" };
  stage.simulator.addFault({ action: "lose_response", match, params: { as: "timeout" } });
  const { batches } = stage.simulator.world;
  const known = batches.all().length;
  const bulkId = await stage.submit(lines);
  await waitFor("a create without an answer", () => batches.all().length > known, patient);
  return bulkId;
}

/** Lets simulated hours pass until a message batch that was held there has been ingested. */
export async function letGo(
  { simulator, db }: Pick<Stage, "simulator" | "db">,
  bulkId: string,
): Promise<void> {
  batchesTake({ simulator }, 300);
  const ingested = async (): Promise<boolean> => {
    await simulator.advance(hourMs);
    return (await stateOf(db, bulkId)) === "ingested";
  };
  await waitFor("the held message batch to be ingested", ingested, { timeoutMs: 120_000, everyMs: 5_000 });
}

/** The state of the message batch that a bulk's lines are in. */
export async function stateOf(db: pg.Client, bulkId: string): Promise<string | undefined> {
  return (await statesOf(db, [bulkId]))[0];
}

/** The states of the message batches that these bulks' lines are in. */
export async function statesOf(db: pg.Client, bulkIds: readonly string[]): Promise<string[]> {
  const { rows } = await db.query<{ state: string }>(
    `SELECT b.state FROM unnest($1::text[]) WITH ORDINALITY AS given (id, n)
       JOIN LATERAL (SELECT max(message_batch_id) AS id FROM attempts WHERE bulk_id = given.id) latest ON true
       JOIN message_batches b ON b.id = latest.id ORDER BY n`,
    [bulkIds],
  );
  return rows.map(({ state }) => state);
}

/** How many jobs of a bulk have succeeded. */
export async function countSucceeded(db: pg.Client, bulkId: string): Promise<number> {
  return (await countsSucceeded(db, [bulkId]))[0] ?? 0;
}

/** How many jobs of each of these bulks have succeeded. */
export async function countsSucceeded(db: pg.Client, bulkIds: readonly string[]): Promise<number[]> {
  const { rows } = await db.query<{ n: string }>(
    `SELECT count(j.id) AS n FROM unnest($1::text[]) WITH ORDINALITY AS given (id, n)
       LEFT JOIN jobs j ON j.bulk_id = given.id AND j.state = 'succeeded' GROUP BY given.n ORDER BY given.n`,
    [bulkIds],
  );
  return rows.map(({ n }) => Number(n));
}
