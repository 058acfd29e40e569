// One request that is refused is no refusal of its model, whatever the lane.
import { afterEach, expect, test } from "vitest";
import { batchLaneBounds } from "../../src/lanes/batch/bounds.ts";
import { openInstallation } from "../support/installation.ts";
import type { Installation } from "../support/installation.ts";
import { judge } from "../support/referee.ts";
import { submitBulk } from "../support/submit.ts";
import { waitFor } from "../support/wait.ts";
import { openBatchFixture } from "./batch-fixture.ts";
import type { BatchFixture } from "./batch-fixture.ts";
import { judgeLane } from "./batch-judge.ts";
import { allowed } from "./two-models.ts";

let fixture: BatchFixture | undefined;
let installation: Installation | undefined;
afterEach(async () => {
  await installation?.close();
  await fixture?.close();
  installation = undefined;
  fixture = undefined;
});

const poison = "Refuse me";
const ask = (content: string): Record<string, unknown> => ({
  model: allowed,
  max_tokens: 64,
  messages: [{ role: "user", content }],
});
const asks = (count: number): Record<string, unknown>[] =>
  Array.from({ length: count }, (_, n) => ask(`What is ${n} and ${n}?`));
const endOfPoison = [{ state: "failed", failure_code: "request_forbidden", failure_fault: "policy" }];

test("a request that is refused while its model answers others fails, and holds nobody back", async () => {
  installation = await openInstallation();
  const { db, simulator, databaseUrl } = installation;
  simulator.addFault({
    action: "error",
    match: { path: "/v1/messages", contains: poison },
    times: null,
    params: { status: 403 },
  });
  await installation.start();
  const bulk = await submitBulk(databaseUrl, { lane: "realtime", type: "message", inputs: [ask(poison)] });
  const rowsOf = async (text: string): Promise<unknown[]> => (await db.query(text)).rows;
  for (let turn = 1; turn <= 3; turn += 1) {
    // oxlint-disable no-await-in-loop -- one refusal after the other
    await waitFor("it to be refused", async () => {
      const { rows } = await db.query("SELECT 1 FROM attempts WHERE outcome = 'model_refused'");
      return rows.length >= turn;
    });
    if (turn === 3) break;
    await submitBulk(databaseUrl, { lane: "realtime", type: "message", inputs: asks(5) });
    await waitFor(
      "others to be answered",
      async () => {
        // A minute is over.
        await db.query("UPDATE refused_models SET refused_at = now() - interval '61 s', probed_at = NULL");
        return (await rowsOf("SELECT 1 FROM jobs WHERE state = 'succeeded'")).length === 5 * turn;
      },
      { timeoutMs: 25_000 },
    );
    // oxlint-enable no-await-in-loop
  }
  await waitFor(
    "it to fail",
    async () =>
      (await rowsOf(`SELECT 1 FROM bulks WHERE id = '${bulk}' AND finished_at IS NOT NULL`)).length === 1,
  );
  expect(
    await rowsOf(`SELECT state, failure_code, failure_fault FROM jobs WHERE bulk_id = '${bulk}'`),
  ).toEqual(endOfPoison);
  expect(await rowsOf("SELECT 1 FROM refused_models")).toEqual([]);
  await waitFor(
    "the bulks to end",
    async () => (await rowsOf("SELECT 1 FROM bulks WHERE finished_at IS NULL")).length === 0,
  );
  await judge(db, simulator);
}, 90_000);

test("so does a line that is refused while its model answers others", async () => {
  fixture = await openBatchFixture();
  const { simulator, rows, databaseUrl } = fixture;
  simulator.addFault({
    action: "errored",
    match: { contains: poison },
    times: null,
    params: { status: 403 },
  });
  const submit = (inputs: Record<string, unknown>[]): Promise<string> =>
    submitBulk(databaseUrl, { lane: "batch", type: "message", inputs });
  const bulk = await submit([ask(poison)]);
  for (let turn = 1; turn <= 3; turn += 1) {
    // oxlint-disable no-await-in-loop -- one refusal after the other
    await submit(asks(5));
    await fixture.drive(async () => {
      const [row] = await rows<{ done: number; open: number }>(
        `SELECT count(*) FILTER (WHERE state = 'succeeded')::integer AS done, count(*) FILTER (WHERE state IN ('dispatched', 'running'))::integer AS open FROM jobs`,
      );
      return row?.done === 5 * turn && row.open === 0;
    });
    await fixture.advance(batchLaneBounds.modelProbeMs);
    // oxlint-enable no-await-in-loop
  }
  await fixture.drive();
  expect(
    await rows("SELECT state, failure_code, failure_fault FROM jobs WHERE bulk_id = $1", [bulk]),
  ).toEqual(endOfPoison);
  expect(await rows("SELECT stopped_at FROM credentials")).toEqual([{ stopped_at: null }]);
  expect((await judgeLane(fixture)).jobs).toEqual({ failed: 1, succeeded: 15 });
}, 90_000);

test("and so does one whose batch, of this line alone, is refused at the door", async () => {
  fixture = await openBatchFixture();
  const { simulator, rows, databaseUrl } = fixture;
  simulator.addFault({
    action: "error",
    match: { path: "/v1/messages/batches", method: "POST", contains: poison },
    times: null,
    params: { status: 403 },
  });
  // Lines of one queue would go together.
  await rows(
    "INSERT INTO queues (id, tenant_id, name, owner) SELECT 'q', tenant_id, 'alone', 'test' FROM queues",
  );
  const bulk = await submitBulk(databaseUrl, {
    lane: "batch",
    type: "message",
    inputs: [ask(poison)],
    queue: "alone",
  });
  const attempts = async (): Promise<number> =>
    (
      await rows(
        "SELECT 1 FROM attempts a JOIN jobs j ON j.id = a.job_id WHERE j.bulk_id = $1 AND a.state <> 'open'",
        [bulk],
      )
    ).length;
  for (const turn of [1, 2, 3]) {
    // oxlint-disable no-await-in-loop -- one refusal after the other
    await fixture.drive(async () => (await attempts()) === turn);
    expect(await rows("SELECT 1 FROM refused_models")).toHaveLength(turn < 3 ? 1 : 0);
    if (turn === 3) break;
    await submitBulk(databaseUrl, { lane: "batch", type: "message", inputs: asks(5) });
    await fixture.advance(batchLaneBounds.modelProbeMs);
    await fixture.drive(
      async () => (await rows("SELECT 1 FROM jobs WHERE state = 'succeeded'")).length > 5 * (turn - 1),
    );
    // oxlint-enable no-await-in-loop
  }
  await fixture.drive();
  expect(
    await rows("SELECT state, failure_code, failure_fault, attempt_no FROM jobs WHERE bulk_id = $1", [bulk]),
  ).toEqual([{ ...endOfPoison[0], attempt_no: 3 }]);
  expect(
    await rows("SELECT state, error_code FROM message_batches WHERE queue_id = 'q' ORDER BY id"),
  ).toEqual([
    { state: "refused", error_code: "credential" },
    { state: "refused", error_code: "credential" },
    { state: "refused", error_code: "request_forbidden" },
  ]);
  expect((await judgeLane(fixture)).jobs).toEqual({ failed: 1, succeeded: 10 });
}, 90_000);
