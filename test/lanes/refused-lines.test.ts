// Lines refused in a batch that was accepted: what the other lines of the batch say about them, and what a second look at them does.
import { afterEach, expect, test } from "vitest";
import { refusedJobsMax } from "../../src/domain/refused-models.ts";
import { readCredential, refuseModel, resumeCredential } from "../../src/postgres/credentials.ts";
import { submitBulk } from "../support/submit.ts";
import { openBatchFixture } from "./batch-fixture.ts";
import type { BatchFixture } from "./batch-fixture.ts";
import { judgeLane } from "./batch-judge.ts";
import { allowed, mixed, refused } from "./two-models.ts";

let fixture: BatchFixture;
afterEach(() => fixture.close());

const poison = "Refuse me";
const ask = (content: string, model = refused): Record<string, unknown> => ({
  model,
  max_tokens: 64,
  messages: [{ role: "user", content }],
});
const asks = (count: number, model = refused): Record<string, unknown>[] =>
  Array.from({ length: count }, (_, n) => ask(`What is ${n} and ${n}?`, model));

async function openPoisoned(): Promise<BatchFixture> {
  const opened = await openBatchFixture();
  opened.simulator.addFault({
    action: "errored",
    match: { contains: poison },
    times: null,
    params: { status: 403 },
  });
  return opened;
}
const submit = (inputs: Record<string, unknown>[]): Promise<string> =>
  submitBulk(fixture.databaseUrl, { lane: "batch", type: "message", inputs });
/** So many have succeeded, and no batch is under way. */
const settled = (succeeded: number) => async (): Promise<boolean> => {
  const [row] = await fixture.rows<{ done: number; open: number }>(
    `SELECT (SELECT count(*)::integer FROM jobs WHERE state = 'succeeded') AS done,
            (SELECT count(*)::integer FROM message_batches WHERE state NOT IN ('ingested', 'refused', 'void')) AS open`,
  );
  return row?.done === succeeded && row.open === 0;
};

test("a line refused while its model answers others of the batch holds nobody back, and fails at the third refusal", async () => {
  fixture = await openPoisoned();
  const { rows } = fixture;
  const bulk = await submit([ask(poison), ask(`${poison}, too`)]);
  for (const turn of [1, 2, 3]) {
    // oxlint-disable no-await-in-loop -- one batch after the other
    await submit(asks(5));
    await fixture.drive(settled(5 * turn));
    if (turn < 3)
      expect(
        await rows("SELECT DISTINCT state, wait_reason, tries FROM jobs WHERE bulk_id = $1", [bulk]),
      ).toEqual([{ state: "queued", wait_reason: "batch", tries: 0 }]);
    // oxlint-enable no-await-in-loop
  }
  expect(
    await rows(
      "SELECT DISTINCT state, failure_code, failure_fault, attempt_no FROM jobs WHERE bulk_id = $1",
      [bulk],
    ),
  ).toEqual([{ state: "failed", failure_code: "request_forbidden", failure_fault: "policy", attempt_no: 3 }]);
  // A model that is held back raises an alert that stays.
  expect(await rows("SELECT kind FROM alerts")).toEqual([]);
  expect(await rows("SELECT line_count FROM message_batches")).toEqual(
    [7, 7, 7].map((n) => ({ line_count: n })),
  );
  expect((await judgeLane(fixture)).jobs).toEqual({ failed: 2, succeeded: 15 });
});

test("nor does it where the model's answers come hundreds of lines behind the refusal", async () => {
  fixture = await openPoisoned();
  await submit([ask(poison), ...asks(700, allowed), ...asks(1)]);
  await fixture.drive(settled(701));
  expect(await fixture.rows("SELECT kind FROM alerts")).toEqual([]);
  expect(await fixture.rows("SELECT times FROM suspect_jobs")).toEqual([{ times: 1 }]);
});

test("a model that answers nobody in the batch is held back, whatever other models answer", async () => {
  fixture = await openPoisoned();
  await submit([ask(poison), ...asks(5, allowed)]);
  await fixture.drive(settled(5));
  expect(await fixture.rows("SELECT model, proved FROM refused_models")).toEqual([
    { model: refused, proved: true },
  ]);
  expect(await fixture.rows("SELECT wait_reason FROM jobs WHERE state = 'queued'")).toEqual([
    { wait_reason: "credential" },
  ]);
  expect(await fixture.rows("SELECT times FROM suspect_jobs")).toEqual([]);
});

/** As if the process had died between the last record and the end of the batch. */
async function readResultsAgain(): Promise<void> {
  await fixture.advance(60_000);
  const again = await fixture.rows<{ id: string }>(
    "UPDATE message_batches SET state = 'ended', ingested_at = NULL, next_poll_at = $1 WHERE state = 'ingested' RETURNING id",
    [fixture.deps.clock.now()],
  );
  expect(again).toHaveLength(1);
  await fixture.lane.runStep(again[0]?.id ?? "");
  expect(await fixture.rows("SELECT state FROM message_batches")).toEqual([{ state: "ingested" }]);
}

test("results that are read again do not refuse their model again", async () => {
  fixture = await openBatchFixture();
  const { rows, simulator } = fixture;
  simulator.addFault({ action: "errored", match: { model: refused }, times: null, params: { status: 403 } });
  await submit(mixed(30));
  await fixture.drive(settled(30));
  const held = "SELECT since, refused_at, jobs FROM refused_models";
  const before = await rows(held);
  await readResultsAgain();
  expect(await rows(held)).toEqual(before);
});

test("nor do they suspect a line twice for one refusal", async () => {
  fixture = await openPoisoned();
  await submit([ask(poison), ...asks(60)]);
  await fixture.drive(settled(60));
  await readResultsAgain();
  expect(await fixture.rows("SELECT times FROM suspect_jobs")).toEqual([{ times: 1 }]);
});

test("every job of a refused model is suspected once it answers, and the last of them are tried last", async () => {
  fixture = await openBatchFixture();
  const { pool, rows } = fixture;
  const jobIds = Array.from({ length: 300 }, (_, n) => `job-${n}`);
  const now = new Date();
  await refuseModel(pool, "default", { model: refused, now, jobIds });
  const { refusedModels } = (await readCredential(pool, "default")) ?? {};
  expect(refusedModels?.get(refused)?.jobs).toEqual(jobIds.slice(-refusedJobsMax));
  const sentAt = new Date(now.getTime() + 1_000);
  await resumeCredential(pool, "default", { sentAt, models: [refused] });
  expect(await rows("SELECT count(*)::integer AS n FROM suspect_jobs")).toEqual([{ n: 300 }]);
});
