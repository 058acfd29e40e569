// Models that the provider refuses to the key, through the API: the installation's to see and to let go on.
import { afterAll, beforeAll, expect, test } from "vitest";
import { refuseModel } from "../../src/postgres/credentials.ts";
import { intentLine, startApi, upload, type TestApi } from "./api.ts";

let api: TestApi;

beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const path = "/v1/refused-models";

test("a refused model is listed, its jobs name it, and an operator lets it go on with a reason", async () => {
  const { installation: key } = api.keys;
  const model = "claude-haiku-4-5";
  const bulk = await api.json(202, "/v1/bulks?type=classify-intent", upload([intentLine("hello")]));
  await refuseModel(api.pool, "default", { model, now: new Date() });
  await api.pool.query("UPDATE jobs SET wait_reason = 'credential', model = $1", [model]);
  const { jobs } = await api.json(200, `/v1/jobs?bulk=${bulk.id}`);
  expect(await api.json(200, `/v1/jobs/${jobs[0].id}`)).toMatchObject({
    wait_reason: "credential",
    wait_detail: expect.stringMatching(/refuses model claude-haiku-4-5 to the key, last at 20/),
  });
  expect((await api.json(200, path, { key })).models).toMatchObject([
    { model, credential: "default", probed_at: null },
  ]);
  await api.json(403, path);
  const allow = async (json: object, status: number): Promise<void> => {
    const answer = await api.send(`${path}/${model}/allow`, { method: "POST", key, json });
    expect(answer.status).toBe(status);
  };
  await allow({}, 400);
  await allow({ reason: "it is in the contract now" }, 204);
  await allow({ reason: "again" }, 404);
  expect((await api.json(200, path, { key })).models).toEqual([]);
  const { rows } = await api.pool.query(
    "SELECT subject_id, detail FROM audit_events WHERE act = 'model.allowed'",
  );
  expect(rows).toEqual([
    { subject_id: model, detail: { credential: "default", reason: "it is in the contract now" } },
  ]);
});
