// A model that the provider refuses is not counted: nothing would come of it but refusals.
import { afterEach, expect, test } from "vitest";
import { newId } from "../../src/config/ids.ts";
import { limits } from "../../src/config/limits.ts";
import { createTokenCounter } from "../../src/lanes/count/counter.ts";
import { createProvider } from "../../src/provider/client.ts";
import { openBatchFixture } from "./batch-fixture.ts";
import { judgeLane } from "./batch-judge.ts";

const path = "/v1/messages/count_tokens";
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

test("a refused model is not counted, and one that turns out to be refused is left alone after the calls under way", async () => {
  const fixture = await openBatchFixture();
  closers.push(() => fixture.close());
  const { deps, rows, simulator } = fixture;
  const gate = (): { open: true } => ({ open: true });
  const provider = createProvider({ baseUrl: simulator.url, apiKey: "test-key", gate, clock: deps.clock });
  const config = { countRequestsPerMinute: 100_000, retryAfterMaxMs: 1_000 };
  const counter = createTokenCounter({ ...deps, config, gate, provider, mayRun: () => true });
  closers.push(
    () => provider.close(),
    () => counter.stop(),
  );
  const asked = (): number =>
    (simulator.world.log.view({ path, method: "POST", since: 0, limit: 1_000 })["requests"] as unknown[])
      .length;
  await rows(
    `INSERT INTO budgets (id, tenant_id, scope, target, owner, limit_nano, window_kind)
     SELECT $1, q.tenant_id, 'queue', q.id, 'test', 1, 'total' FROM queues q WHERE q.name = 'default'`,
    [newId()],
  );
  await fixture.submit(100);
  await fixture.lane.collector.runOnce();
  expect(await rows("SELECT DISTINCT wait_reason FROM jobs")).toEqual([{ wait_reason: "budget" }]);

  await rows(
    "INSERT INTO refused_models (credential_id, model, since, refused_at) SELECT DISTINCT 'default', model, now(), now() FROM jobs",
  );
  expect(await counter.runOnce()).toBe(0);
  expect(asked()).toBe(0);

  await rows("DELETE FROM refused_models");
  simulator.addFault({ action: "error", match: { path }, times: null, params: { status: 403 } });
  // oxlint-disable-next-line no-await-in-loop -- one round after the other
  for (let round = 0; round < 5; round += 1) expect(await counter.runOnce()).toBe(0);
  expect(asked()).toBeLessThanOrEqual(limits.countsAtOnce);

  simulator.world.faults.clear(null);
  await fixture.advance(limits.countRefusedRestMs);
  expect(await counter.runOnce()).toBe(limits.countJobsPerRound);
  await rows("UPDATE budgets SET limit_nano = 1000000000000");
  await rows("UPDATE budget_windows SET limit_nano = 1000000000000");
  fixture.lane.budgetChanged();
  await fixture.drive();
  expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 100 });
});
