// Alerts through the API: behind the walls of tenants, in /readyz and /metrics, and the pauses that need a person.
import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "../../src/config/ids.ts";
import { createAccessKey } from "../../src/control/access.ts";
import { raiseAlert } from "../../src/postgres/alerts.ts";
import { tripBreaker } from "../../src/postgres/guard-pauses.ts";
import { intentLine, startApi, upload, type Json, type TestApi } from "./api.ts";

let api: TestApi;

beforeAll(async () => {
  api = await startApi({
    ALERT_WEBHOOK_URL: "https://alerts.example.com/hook",
    ALERT_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 1).toString("base64")}`,
  });
});
afterAll(() => api.close());

const raise = (tenantId: string): Promise<string | undefined> =>
  raiseAlert(api.pool, {
    dedupeKey: newId(),
    kind: "breaker_tripped",
    tenantId,
    scope: "tenant",
    target: tenantId,
    reason: "too much",
  });

test("a tenant sees its own alerts and nobody else's; the installation sees all", async () => {
  const mine = await raise(api.tenants.one);
  const theirs = await raise(api.tenants.two);
  const ids = async (key: string, query = ""): Promise<string[]> =>
    (await api.json(200, `/v1/alerts${query}`, { key })).alerts.map((alert: Json) => alert.id);
  expect(await ids(api.keys.one)).toEqual([mine]);
  expect(await ids(api.keys.two)).toEqual([theirs]);
  expect(await ids(api.keys.installation)).toEqual(
    [theirs, mine].toSorted((a, b) => ((a ?? "") > (b ?? "") ? -1 : 1)),
  );
  expect(await ids(api.keys.installation, "?limit=1&kind=test")).toEqual([]);
  expect(await api.json(200, `/v1/alerts/${mine}`)).toMatchObject({
    id: mine,
    kind: "breaker_tripped",
    severity: "critical",
    scope: "tenant",
    target: "one",
    tenant: "one",
    owner: "one",
    next_step: "Look at what runs there. A person lifts the pause: sluice tenant resume one",
    state: "pending",
    tries: 0,
  });
  await api.json(404, `/v1/alerts/${theirs}`);
  await api.json(404, `/v1/alerts/${newId()}`);
  await api.json(400, "/v1/alerts?state=lost");
});

test("pages follow each other", async () => {
  await raise(api.tenants.one);
  await raise(api.tenants.one);
  const first = await api.json(200, "/v1/alerts?limit=1");
  const second = await api.json(200, `/v1/alerts?limit=1&after=${first.next}`);
  expect(second.alerts[0].id < first.alerts[0].id).toBe(true);
});

test("a test alert is the installation's to send", async () => {
  await api.json(403, "/v1/alerts/test", { method: "POST" });
  const sent = await api.json(202, "/v1/alerts/test", { method: "POST", key: api.keys.installation });
  expect(sent).toMatchObject({ kind: "test", severity: "info", owner: "operator", state: "pending" });
});

test("a broken path shows in /readyz and /metrics, and does not take the API out of its load balancer", async () => {
  const ready = () => api.json(200, "/readyz", { key: "" });
  const metrics = async (): Promise<string> => {
    const answer = await api.send("/metrics", { key: api.keys.installation });
    return answer.text();
  };
  expect(await ready()).toMatchObject({ status: "ready", checks: { alerts: "ok" } });
  await api.pool.query("UPDATE alert_path SET failures_in_row = 3");
  expect(await ready()).toMatchObject({ status: "degraded", checks: { database: "ok", alerts: "failed" } });
  expect(await metrics()).toMatch(/^sluice_alert_path_broken 1$/m);
  await api.pool.query("UPDATE alert_path SET failures_in_row = 0");
  expect((await ready()).status).toBe("ready");
  // Nobody sends at all.
  await api.pool.query("UPDATE alerts SET raised_at = now() - interval '11 minutes'");
  expect((await ready()).status).toBe("degraded");
  await api.pool.query("UPDATE alerts SET state = 'delivered', delivered_at = now()");
  expect((await ready()).status).toBe("ready");
});

test("what the breaker paused is resumed by a key of a person, not by one of a service", async () => {
  const { rows } = await api.pool.query("SELECT id FROM queues WHERE tenant_id = $1", [api.tenants.one]);
  await tripBreaker(api.pool, {
    flagId: newId(),
    tenantId: api.tenants.one,
    scope: "queue",
    target: rows[0].id,
    reason: "$9.00 in the last hour",
  });
  const queue = await api.json(200, "/v1/queues/default");
  expect(queue).toMatchObject({
    paused: true,
    flags: [{ set_by: "breaker", reason: "runaway: $9.00 in the last hour" }],
  });
  const bulk = await api.json(202, "/v1/bulks?type=classify-intent", upload([intentLine("x")]));
  expect(await api.json(200, `/v1/bulks/${bulk.id}`)).toMatchObject({
    wait_reason: "breaker",
    wait_detail: "runaway: $9.00 in the last hour",
  });
  const refused = await api.json(403, "/v1/queues/default/resume", { method: "POST" });
  expect(refused).toMatchObject({ code: "person_needed", detail: "runaway: $9.00 in the last hour" });
  const { secret } = await createAccessKey(
    { pool: api.pool, newId },
    {
      tenantId: api.tenants.one,
      holderKind: "person",
      holderName: "Ada",
      scopes: ["operate"],
      actor: "test",
    },
  );
  await api.json(200, "/v1/queues/default/resume", { method: "POST", key: secret });
  expect((await api.json(200, "/v1/queues/default")).paused).toBe(false);
  await api.json(200, "/v1/queues/default/resume", { method: "POST" });
});

test("a tenant is paused and resumed by the installation only", async () => {
  const act = (verb: string, key: string) => ({
    method: "POST",
    key,
    ...(verb === "pause" && { json: { reason: "late bill" } }),
  });
  const path = (verb: string) => `/v1/tenants/two/${verb}`;
  await api.json(403, path("pause"), act("pause", api.keys.two));
  await api.json(404, "/v1/tenants/nobody/pause", act("pause", api.keys.installation));
  expect(await api.json(200, path("pause"), act("pause", api.keys.installation))).toMatchObject({
    paused: true,
    reason: "late bill",
  });
  // Its queues say so, and nobody else's.
  expect(await api.json(200, "/v1/queues/default", { key: api.keys.two })).toMatchObject({
    paused: true,
    flags: [{ scope: "tenant", reason: "late bill" }],
  });
  expect((await api.json(200, "/v1/queues/default")).paused).toBe(false);
  expect(await api.json(200, path("resume"), act("resume", api.keys.installation))).toMatchObject({
    paused: false,
  });
});
