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
const patient = { timeoutMs: 60_000 };

/** From now on a new message batch takes this long, by the simulator's clock. */
export function batchesTake({ simulator }: Pick<Stage, "simulator">, ms: number): void {
  simulator.world.behaviour.batchDurationMs = { min: ms, max: ms };
}

/** A bulk whose message batch is being ingested: some of its lines are settled, most are still on their way. */
export async function bringToIngest(stage: Stage, lines: number): Promise<string> {
  batchesTake(stage, 0);
  const params = { bytes: 4_096, interval_ms: 250 };
  stage.simulator.addFault({ action: "slow_drip", match: { path: resultsPath }, params });
  const bulkId = await stage.submit(lines);
  await waitFor("an ingest under way", async () => (await countSucceeded(stage.db, bulkId)) > 0, patient);
  return bulkId;
}

/** A bulk whose message batch runs at the provider for a simulated hour. */
export async function bringToPoll(stage: Stage, lines: number): Promise<string> {
  batchesTake(stage, 3_600_000);
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

/** The state of the message batch that a bulk's open lines are in. */
export async function stateOf(db: pg.Client, bulkId: string): Promise<string | undefined> {
  const { rows } = await db.query<{ state: string }>(
    "SELECT state FROM message_batches WHERE id = (SELECT max(message_batch_id) FROM jobs WHERE bulk_id = $1)",
    [bulkId],
  );
  return rows[0]?.state;
}

/** How many jobs of a bulk have succeeded. */
export async function countSucceeded(db: pg.Client, bulkId: string): Promise<number> {
  const { rows } = await db.query<{ n: string }>(
    "SELECT count(*) AS n FROM jobs WHERE state = 'succeeded' AND bulk_id = $1",
    [bulkId],
  );
  return Number(rows[0]?.n ?? 0);
}
