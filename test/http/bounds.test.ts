// What makes holds smaller, over HTTP: shown to the installation, acted on by its admins, and by type to whoever reads types.
import { afterAll, beforeAll, expect, test } from "vitest";
import { sizedType, writeSizedType } from "../support/sized-type.ts";
import type { SizedTypeDir } from "../support/sized-type.ts";
import { startApi, type TestApi } from "./api.ts";

let types: SizedTypeDir;
let api: TestApi;
beforeAll(async () => {
  types = writeSizedType();
  api = await startApi({ SLUICE_JOBS_DIR: types.dir });
  await api.pool.query(
    `INSERT INTO count_trust (model, samples, worst_bp, off_at, off_reason)
     VALUES ('claude-haiku-5-5', 70, 2500, now(), 'too much'), ('claude-opus-5', 49, 150, NULL, NULL)`,
  );
  await api.pool.query(
    `INSERT INTO right_sizes (job_type, prompt_version, model, lengths, samples, cap, sized, truncated)
     VALUES ($1, 1, $2, '{}', 250, 88, 40, 1)`,
    [sizedType.name, sizedType.model],
  );
});
afterAll(async () => {
  await api.close();
  types.remove();
});

test("counts and caps are the installation's to see and to renew", async () => {
  const key = api.keys.installation;
  const bounds = await api.json(200, "/v1/bounds", { key });
  expect(bounds.counts).toMatchObject([
    { model: "claude-haiku-5-5", used: false, worst_pct: 25, off: { reason: "too much" } },
    { model: "claude-opus-5", used: false, samples: 49, samples_needed: 50, off: null },
  ]);
  expect(bounds.right_sizes).toMatchObject([
    { type: sizedType.name, max_tokens: 88, sized: 40, cut: 1, off: null },
  ]);
  expect((await api.send("/v1/bounds", { key: api.keys.one })).status).toBe(403);
  const wish = { method: "POST", json: { margin_pct: 12.5, reason: "looked at it" } };
  const path = "/v1/bounds/counts/claude-haiku-5-5";
  expect((await api.send(path, { ...wish, key: api.keys.one })).status).toBe(403);
  await api.json(400, path, { ...wish, json: { margin_pct: 12.5 }, key });
  const renewed = await api.json(200, path, { ...wish, key });
  expect(renewed.counts[0]).toMatchObject({ margin_pct: 12.5, samples: 0, off: null });
  await api.json(404, "/v1/bounds/counts/claude-sonnet-5", { ...wish, key });
  const size = { method: "POST", json: { reason: "new prompt" }, key };
  await api.json(404, `/v1/bounds/right-sizes/${sizedType.name}`, size);
  await api.pool.query("UPDATE right_sizes SET cap = NULL, off_at = now(), off_reason = 'cut'");
  const again = await api.json(200, `/v1/bounds/right-sizes/${sizedType.name}`, size);
  expect(again.right_sizes[0]).toMatchObject({ off: null, sized: 0, cut: 0 });
});

test("a job type says what is known of its answers, and one that does not ask says null", async () => {
  const key = api.keys.installation;
  await api.pool.query("UPDATE right_sizes SET cap = NULL, off_at = now(), off_reason = '3 of 200 were cut'");
  const type = await api.json(200, `/v1/types/${sizedType.name}`, { key });
  expect(type.right_size).toMatchObject([
    { max_tokens: null, samples: 250, off: { reason: "3 of 200 were cut" } },
  ]);
  const all = await api.json(200, "/v1/types", { key });
  const sizes = Object.fromEntries(
    all.types.map((each: { name: string; right_size: unknown }) => [each.name, each.right_size]),
  );
  expect(sizes["classify-intent"]).toBeNull();
  expect(sizes[sizedType.name]).toHaveLength(1);
  // What all tenants do together is none of one tenant's business.
  const theirs = await api.json(200, `/v1/types/${sizedType.name}`, { key: api.keys.one });
  expect(theirs.right_size).toBeNull();
});
