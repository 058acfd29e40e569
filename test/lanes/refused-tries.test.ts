// The one line that tries a refused model in the batch lane: it stands in nobody's way, and there is one of it.
import { afterEach, expect, test } from "vitest";
import { loseAnswer } from "./batch-doubts.ts";
import { openBatchFixture } from "./batch-fixture.ts";
import type { BatchFixture } from "./batch-fixture.ts";
import { judgeLane } from "./batch-judge.ts";
import { submitBulk } from "../support/submit.ts";
import { allowed, mixed, refused } from "./two-models.ts";

let fixture: BatchFixture;
afterEach(() => fixture.close());

const submit = (inputs: Record<string, unknown>[], queue = "default"): Promise<string> =>
  submitBulk(fixture.databaseUrl, { lane: "batch", type: "message", inputs, queue });

/** A model that was refused an hour ago is due to be tried. */
const refuseHourAgo = (): Promise<unknown> =>
  fixture.rows(
    "INSERT INTO refused_models (credential_id, model, since, refused_at) VALUES ('default', $1, $2, $2)",
    [refused, new Date(fixture.deps.clock.now().getTime() - 3_600_000)],
  );

test("while a batch of one line is in doubt no model is tried, and other work goes on", async () => {
  fixture = await openBatchFixture();
  const { rows } = fixture;
  loseAnswer(fixture);
  await submit(mixed(1).slice(1));
  const inDoubt = async (): Promise<boolean> =>
    (await rows("SELECT 1 FROM message_batches WHERE state = 'doubtful'")).length === 1;
  await fixture.drive(inDoubt);
  await refuseHourAgo();
  await submit(mixed(5));
  await fixture.advance(1_000);
  expect((await fixture.lane.collector.runOnce()).batchIds).toHaveLength(1);
  expect(await rows("SELECT line_count FROM message_batches WHERE state = 'intent'")).toEqual([
    { line_count: 5 },
  ]);
  expect(await inDoubt()).toBe(true);
  expect(await rows("SELECT model, state, wait_reason FROM jobs WHERE line > 1 GROUP BY 1, 2, 3")).toEqual(
    expect.arrayContaining([{ model: refused, state: "queued", wait_reason: "credential" }]),
  );
  expect(await rows("SELECT probed_at FROM refused_models")).toEqual([{ probed_at: null }]);
  await fixture.drive();
  expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 11 });
});

test("so does it beside lines that can only go alone for another reason", async () => {
  fixture = await openBatchFixture();
  const { rows } = fixture;
  loseAnswer(fixture);
  await submit(mixed(1).slice(1));
  await fixture.drive(
    async () => (await rows("SELECT 1 FROM message_batches WHERE state = 'doubtful'")).length === 1,
  );
  const alone = await submit(mixed(1).slice(0, 1));
  await rows("UPDATE jobs SET retry_reason = 'mixed_refused' WHERE bulk_id = $1", [alone]);
  await submit(mixed(5));
  await fixture.advance(1_000);
  await fixture.lane.collector.runOnce();
  expect(await rows("SELECT line_count FROM message_batches WHERE state = 'intent'")).toEqual([
    { line_count: 10 },
  ]);
  await fixture.drive();
  expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 12 });
});

test("one round tries a model once, however many queues have work for it", async () => {
  fixture = await openBatchFixture();
  const { rows } = fixture;
  await rows(
    "INSERT INTO queues (id, tenant_id, name, owner) SELECT 'q', tenant_id, 'more', 'test' FROM queues",
  );
  // The provider has each batch in the moment it is meant: its number of lines is free again.
  await rows(`CREATE FUNCTION taken_at_once() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN NEW.state := 'created'; NEW.provider_id := NEW.id; NEW.create_started_at := NEW.created_at; RETURN NEW; END $$`);
  await rows(
    "CREATE TRIGGER taken_at_once BEFORE INSERT ON message_batches FOR EACH ROW EXECUTE FUNCTION taken_at_once()",
  );
  await refuseHourAgo();
  await submit(mixed(5));
  await submit(mixed(5), "more");
  await fixture.advance(1_000);
  await fixture.lane.collector.runOnce();
  expect(
    await rows(
      "SELECT j.model, b.line_count FROM message_batches b JOIN attempts a ON a.message_batch_id = b.id JOIN jobs j ON j.id = a.job_id GROUP BY b.id, 1, 2 ORDER BY b.line_count, 1",
    ),
  ).toEqual([
    { model: refused, line_count: 1 },
    { model: allowed, line_count: 5 },
    { model: allowed, line_count: 5 },
  ]);
});
