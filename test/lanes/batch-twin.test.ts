// A second batch at the provider under the name of one of ours: after a restore it is booked and counted, and blocks nothing.
import { afterEach, expect, test } from "vitest";
import { customIdOf } from "../../src/domain/pack.ts";
import { recoverBatches } from "../../src/lanes/batch/recover.ts";
import { createOutside, minuteMs } from "./batch-doubts.ts";
import { openBatchFixture } from "./batch-fixture.ts";
import type { BatchFixture } from "./batch-fixture.ts";

const lines = 12;
let fixture: BatchFixture;
afterEach(() => fixture.close());

/** The same lines once more, as a client that repeats a create would send them. */
const createTwin = (batchId: string, jobIds: readonly string[]): Promise<void> =>
  createOutside(
    fixture,
    jobIds.map((id) => customIdOf(batchId, id)),
  );

test("a twin is booked under the budgets of its jobs, counted as paid twice with an alert, and looked at once", async () => {
  fixture = await openBatchFixture();
  const { rows, simulator, deps } = fixture;
  await rows(
    `INSERT INTO budgets (id, tenant_id, scope, target, owner, limit_nano, window_kind)
     SELECT 'budget', q.tenant_id, 'queue', q.id, 'test', 1000000000, 'total' FROM queues q WHERE q.name = 'default'`,
  );
  const since = deps.clock.now();
  await fixture.submit(lines);
  await fixture.drive();
  const [batch] = await rows<{ id: string }>("SELECT id FROM message_batches");
  const jobs = await rows<{ id: string }>("SELECT id FROM jobs");
  await createTwin(
    batch?.id ?? "",
    jobs.map(({ id }) => id),
  );
  await fixture.advance(120 * minuteMs);
  const recover = () => recoverBatches(deps, { since, ours: [], foreign: [], cancelForMs: 0 });
  const [found] = await recover();
  expect(found).toMatchObject({ kind: "twin", lines });
  expect(found?.costNano).toBeGreaterThan(0n);
  expect(await recover()).toEqual([]);
  const totalNano = await simulator.totalNano();
  expect(
    await rows(
      "SELECT (SELECT sum(amount_nano) FROM ledger)::bigint AS ledger, (SELECT spent_nano FROM budget_windows WHERE budget_id = 'budget') AS spent",
    ),
  ).toEqual([{ ledger: totalNano, spent: totalNano }]);
  expect(await rows("SELECT paid_twice FROM message_batches")).toEqual([{ paid_twice: lines }]);
  expect(await rows("SELECT kind, target FROM alerts WHERE scope = 'message_batch'")).toEqual([
    { kind: "paid_twice", target: batch?.id },
  ]);
});
