// Stops over REST: who may stop and lift what, what is refused, and what a receipt tells whom.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { intentLines, startApi, upload, type TestApi } from "./api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
  await api.pool.query("INSERT INTO job_types (name, owner) VALUES ('classify-intent', 'team')");
});
afterEach(async () => {
  await api.pool.query("UPDATE flags SET lifted_at = now(), lifted_by = 'test' WHERE lifted_at IS NULL");
});
afterAll(() => api.close());

const set = (wish: object, status = 201, key = api.keys.one) =>
  api.json(status, "/v1/stops", { key, json: { mode: "drain", reason: "incident", ...wish } });
const lift = (id: string, key: string, status = 200) =>
  api.json(status, `/v1/stops/${id}/lift`, { key, json: { reason: "over" } });

test("a tenant stops itself, its queue and its bulk, and nothing else", async () => {
  const { id } = await api.json(202, "/v1/bulks?queue=default&type=classify-intent", upload(intentLines(3)));
  expect(await set({ scope: "tenant" })).toMatchObject({ scope: "tenant", target: "one", jobs_waiting: 3 });
  expect(await set({ scope: "queue", target: "default" })).toMatchObject({
    target: "default",
    jobs_waiting: 3,
  });
  expect(await set({ scope: "bulk", target: id })).toMatchObject({ target: id, jobs_waiting: 3 });
  for (const scope of ["global", "job_type", "model"])
    expect(await set({ scope, target: "x" }, 403)).toMatchObject({ code: "forbidden_scope" });
  expect(await set({ scope: "tenant", target: "two" }, 404)).toMatchObject({ code: "not_found" });
  expect(await set({ scope: "bulk", target: id }, 404, api.keys.two)).toMatchObject({ code: "not_found" });
  expect(await set({ scope: "queue", target: "default", shared: true }, 403)).toMatchObject({
    code: "forbidden_scope",
  });
});

test("the installation stops everything, a tenant, a job type and a model; a name that nothing has is refused", async () => {
  const by = api.keys.installation;
  expect(await set({ scope: "global" }, 201, by)).toMatchObject({ target: null, state: "stopping" });
  expect(await set({ scope: "tenant", target: "two" }, 201, by)).toMatchObject({ target: "two" });
  expect(await set({ scope: "job_type", target: "classify-intent" }, 201, by)).toMatchObject({
    target: "classify-intent",
  });
  const dated = { scope: "model", target: "claude-haiku-4-5-20251001" };
  expect(await set(dated, 201, by)).toMatchObject({ target: "claude-haiku-4-5" });
  const wrong = [
    [{ scope: "global", target: "x" }, 400, "invalid_input"],
    [{ scope: "tenant" }, 400, "invalid_input"],
    [{ scope: "tenant", target: "nobody" }, 404, "not_found"],
    [{ scope: "queue", target: "nowhere" }, 404, "queue_not_found"],
    [{ scope: "job_type", target: "clasify" }, 404, "type_not_found"],
    [{ scope: "model", target: "gpt" }, 404, "not_found"],
    [{ scope: "bulk", target: "01jd3v2f0000000000000000aa" }, 404, "not_found"],
    [{ scope: "global", reason: "" }, 400, "invalid_input"],
    [{ scope: "global", mode: "softly" }, 400, "invalid_input"],
  ] as const;
  const codes = await Promise.all(wrong.map(async ([wish, status]) => (await set(wish, status, by)).code));
  expect(codes).toEqual(wrong.map(([, , code]) => code));
});

test("setting needs operate, reading read, lifting admin and a reason", async () => {
  const keys = await Promise.all(
    (["read", "operate", "admin"] as const).map((scope) => api.key(api.tenants.one, [scope])),
  );
  const [read = "", operate = "", admin = ""] = keys;
  await set({ scope: "tenant" }, 403, read);
  const { id } = await set({ scope: "tenant" }, 201, operate);
  expect(await set({ scope: "tenant", mode: "drain" }, 200, operate)).toMatchObject({ id });
  expect(await api.json(200, `/v1/stops/${id}`, { key: read })).toMatchObject({ id, reason: "incident" });
  await lift(id, operate, 403);
  await api.json(400, `/v1/stops/${id}/lift`, { key: admin, json: {} });
  expect(await lift(id, admin)).toMatchObject({ state: "lifted", lifted_by: "service:test" });
  expect(await lift(id, admin)).toMatchObject({ state: "lifted" });
  const { rows } = await api.pool.query(
    "SELECT act, detail->>'reason' AS reason FROM audit_events WHERE detail->>'flag' = $1 ORDER BY id",
    [id],
  );
  expect(rows).toEqual([
    { act: "stop.set", reason: "incident" },
    { act: "stop.lifted", reason: "over" },
  ]);
});

test("a tenant sees and lifts its own stops only, and nothing of other people's processes", async () => {
  const theirs = await set({ scope: "tenant", target: "one" }, 201, api.keys.installation);
  await api.json(404, `/v1/stops/${theirs.id}`);
  await lift(theirs.id, api.keys.one, 404);
  const own = await set({ scope: "queue", target: "default" });
  const { stops } = await api.json(200, "/v1/stops?open=true");
  expect(stops.map(({ id }: { id: string }) => id)).toEqual([own.id]);
  expect(own.processes).toMatchObject([{ state: "unconfirmed", host: null, pid: null, last_call_at: null }]);
  const seen = await api.json(200, `/v1/stops/${own.id}`, { key: api.keys.installation });
  expect(seen.processes).toMatchObject([{ state: "unconfirmed", host: "test", pid: 1 }]);
  expect(await lift(own.id, api.keys.installation)).toMatchObject({ state: "lifted" });
});

test("a job and its bulk name the stop over them, of a model, a type or the bulk itself; its time does not count as age", async () => {
  const { id } = await api.json(202, "/v1/bulks?queue=default&type=classify-intent", upload(intentLines(1)));
  const bulk = () => api.json(200, `/v1/bulks/${id}`);
  const { jobs } = await api.json(200, `/v1/jobs?bulk=${id}`);
  const job = () => api.json(200, `/v1/jobs/${jobs[0].id}`);
  const { model, expires_at: expiresAt } = await job();
  const wishes = [
    { scope: "model", target: model },
    { scope: "job_type", target: "classify-intent" },
    { scope: "bulk", target: id },
  ];
  for (const wish of wishes) {
    const { id: stopId } = await set({ ...wish, reason: wish.scope }, 201, api.keys.installation);
    for (const shown of [await bulk(), await job()])
      expect(shown).toMatchObject({ wait_reason: "stop", wait_detail: wish.scope });
    await lift(stopId, api.keys.installation);
    expect((await job()).wait_reason).not.toBe("stop");
  }
  const other = await set({ scope: "model", target: "claude-opus-5" }, 201, api.keys.installation);
  expect((await job()).wait_reason).not.toBe("stop");
  await lift(other.id, api.keys.installation);
  await api.pool.query(
    "UPDATE flags SET set_at = set_at - interval '1 hour' WHERE scope = 'bulk' AND target = $1",
    [id],
  );
  await api.pool.query("UPDATE bulks SET created_at = created_at - interval '2 hours' WHERE id = $1", [id]);
  const hourMs = 3_600_000;
  for (const shown of [await bulk(), await job()])
    expect(Date.parse(shown.expires_at) - Date.parse(expiresAt)).toBeGreaterThanOrEqual(hourMs);
});
