// Who may do what, and the walls between tenants.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { limits } from "../../src/config/limits.ts";
import { newId } from "../../src/config/ids.ts";
import { installationTenantId } from "../../src/domain/ids.ts";
import { waitFor } from "../support/wait.ts";
import { intentLine, intentLines, startApi, upload, type Json, type Requested, type TestApi } from "./api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

describe("keys", () => {
  test.each([
    ["no header", undefined],
    ["no bearer", "Basic abc"],
    ["an unknown secret", `Bearer slk_${"A".repeat(43)}`],
    ["something else", "Bearer sk-ant-api03-nothing"],
  ])("%s is refused with 401 and says how to come in", async (_what, authorization) => {
    const response = await api.send("/v1/bulks", {
      key: "",
      headers: authorization === undefined ? {} : { authorization },
    });
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toMatch(/^Bearer/);
    expect(response.headers.get("content-type")).toMatch(/^application\/problem\+json/);
    expect(await response.json()).toMatchObject({ code: "unauthorized", status: 401, retryable: false });
  });

  test("a secret is shown once, works at once, and stops working within the time that a key is believed", async () => {
    const created = await api.json(201, "/v1/keys", {
      json: { holder: { kind: "person", name: "Ada" }, scopes: ["read"] },
    });
    expect(created).toMatchObject({
      tenant: "one",
      holder: { kind: "person", name: "Ada" },
      scopes: ["read"],
    });
    expect(created.created_by).toBe("service:test");
    await api.json(200, "/v1/bulks", { key: created.secret });
    const listed = await api.json(200, "/v1/keys");
    const entry = listed.keys.find((key: { id: string }) => key.id === created.id);
    expect(entry).toMatchObject({ secret_hint: created.secret.slice(-4), revoked_at: null });
    expect(JSON.stringify(listed)).not.toContain(created.secret);
    expect((await api.send(`/v1/keys/${created.id}`, { method: "DELETE" })).status).toBe(204);
    await waitFor(
      "the key to be refused",
      async () => (await api.send("/v1/bulks", { key: created.secret })).status === 401,
      { timeoutMs: limits.keyCacheMs + 2_000 },
    );
    const { keys } = await api.json(200, "/v1/keys");
    expect(keys.find((key: { id: string }) => key.id === created.id).revoked_by).toBe("service:test");
  });

  test("only a hash of the secret is in the database", async () => {
    const created = await api.json(201, "/v1/keys", {
      json: { holder: { kind: "service", name: "exporter" }, scopes: ["submit"] },
    });
    const { rows } = await api.pool.query("SELECT row_to_json(k)::text AS text FROM api_keys k");
    expect(rows.map((row: { text: string }) => row.text).join()).not.toContain(created.secret.slice(4, 40));
  });

  test("creating and revoking leave audit events", async () => {
    const { rows } = await api.pool.query(
      "SELECT DISTINCT act FROM audit_events WHERE act LIKE 'key.%' ORDER BY act",
    );
    expect(rows.map((row: { act: string }) => row.act)).toEqual(["key.created", "key.revoked"]);
  });
});

describe("scopes", () => {
  const job = { json: { type: "classify-intent", input: intentLine("hello").input } };
  const rows: [scope: string, path: string, request: Requested, allowed: string[]][] = [
    ["submit", "/v1/jobs", job, ["submit", "operate", "admin"]],
    ["read", "/v1/bulks", {}, ["read", "operate", "admin"]],
    ["operate", "/v1/queues/extra", { method: "PUT", json: {} }, ["operate", "admin"]],
    ["admin", "/v1/keys", {}, ["admin"]],
  ];
  test.each(rows)("%s: %s", async (scope, path, request, allowed) => {
    for (const own of ["submit", "read", "operate", "admin"] as const) {
      const key = await api.key(api.tenants.one, [own]);
      const response = await api.send(path, { ...request, key });
      if (allowed.includes(own)) expect(response.status, own).toBeLessThan(300);
      else {
        expect(response.status, own).toBe(403);
        expect(await response.json()).toMatchObject({
          code: "forbidden_scope",
          detail: `This needs the scope ${scope}.`,
        });
      }
    }
  });

  test("a budget needs admin", async () => {
    const key = await api.key(api.tenants.one, ["operate"]);
    const json = { budget: { limit_usd: "1.00", window: "total" } };
    const problem = await api.json(403, "/v1/queues/default", { method: "PUT", json, key });
    expect(problem.code).toBe("forbidden_scope");
  });

  const installationOnly: [method: string, path: string, json?: unknown][] = [
    ["GET", "/v1/tenants"],
    ["POST", "/v1/tenants", { name: "three" }],
    ["POST", "/v1/pause", { reason: "because" }],
    ["POST", "/v1/resume", {}],
    ["GET", "/metrics"],
    ["PUT", "/v1/queues/common?shared=true", {}],
  ];
  test.each(installationOnly)("%s %s needs a key of the installation", async (method, path, json) => {
    const request = { method, ...(json === undefined ? {} : { json }) };
    expect((await api.send(path, request)).status).toBe(403);
    expect((await api.send(path, { ...request, key: api.keys.installation })).status).toBeLessThan(300);
  });
});

describe("walls", () => {
  test("another tenant's things answer 404 on every route, and so does what never was", async () => {
    const bulk = await api.json(202, "/v1/bulks?type=classify-intent", upload(intentLines(2)));
    const [job] = (await api.json(200, `/v1/jobs?bulk=${bulk.id}`)).jobs;
    const { keys } = await api.json(200, "/v1/keys");
    const paths: [method: string, path: string, json?: unknown][] = [
      ["GET", `/v1/bulks/${bulk.id}`],
      ["GET", `/v1/bulks/${bulk.id}/results`],
      ["GET", `/v1/bulks/${bulk.id}/results?follow=true`],
      ["GET", `/v1/bulks/${bulk.id}/errors`],
      ["GET", `/v1/bulks/${bulk.id}/events`],
      ["POST", `/v1/bulks/${bulk.id}/cancel`],
      ["POST", `/v1/bulks/${bulk.id}/retry`],
      ["DELETE", `/v1/bulks/${bulk.id}`],
      ["GET", `/v1/jobs/${job.id}`],
      ["POST", `/v1/jobs/${job.id}/cancel`],
      ["DELETE", `/v1/keys/${keys[0].id}`],
    ];
    for (const [method, path, json] of paths) {
      const request = { method, key: api.keys.two, ...(json === undefined ? {} : { json }) };
      const theirs = await api.send(path, request);
      const never = await api.send(path.replace(/[0-9a-z]{26}/, newId()), request);
      expect([theirs.status, never.status], `${method} ${path}`).toEqual([404, 404]);
      const told: Json[] = [await theirs.json(), await never.json()];
      for (const problem of told) delete problem.request_id;
      expect(told[0], `${method} ${path} tells the two apart`).toEqual(told[1]);
    }
    const untouched = await api.json(200, `/v1/bulks/${bulk.id}`);
    expect(untouched).toMatchObject({ state: "running", canceled_at: null, deleted_at: null });
  });

  test("lists show the tenant's own only, also when a foreign id is asked for by filter", async () => {
    const bulk = await api.json(202, "/v1/bulks?type=classify-intent", upload(intentLines(1)));
    const { bulks } = await api.json(200, "/v1/bulks", { key: api.keys.two });
    const { jobs } = await api.json(200, `/v1/jobs?bulk=${bulk.id}`, { key: api.keys.two });
    expect([bulks, jobs]).toEqual([[], []]);
  });

  test("a tenant's own queue wins over a shared one; the other tenant gets the shared one", async () => {
    await api.json(201, "/v1/queues/popular?shared=true", {
      method: "PUT",
      json: { owner: "platform", budget: { limit_usd: "5", window: "month" } },
      key: api.keys.installation,
    });
    await api.json(201, "/v1/queues/popular", { method: "PUT", json: { owner: "team one" } });
    expect(await api.json(200, "/v1/queues/popular")).toMatchObject({ owner: "team one", shared: false });
    const seen = await api.json(200, "/v1/queues/popular", { key: api.keys.two });
    expect(seen).toMatchObject({ owner: "platform", shared: true, budget: null });
    const own = await api.json(200, "/v1/queues/popular", { key: api.keys.installation });
    expect(own.budget).toMatchObject({ limit_usd: "5.00", available_usd: "5.00", window: "month" });
  });

  test("a shared queue shows a tenant its own backlog", async () => {
    await api.json(201, "/v1/queues/common2?shared=true", {
      method: "PUT",
      json: {},
      key: api.keys.installation,
    });
    await api.json(202, "/v1/bulks?type=classify-intent&queue=common2", upload(intentLines(3)));
    const backlogFor = async (key: string) => (await api.json(200, "/v1/queues/common2", { key })).backlog;
    expect(await backlogFor(api.keys.one)).toEqual({ total: 3, lane: { batch: { queued: 3 } } });
    expect(await backlogFor(api.keys.two)).toEqual({ total: 0, lane: {} });
    expect((await backlogFor(api.keys.installation)).total).toBe(3);
    const refused = await api.send("/v1/queues/common2/pause", {
      json: { reason: "mine" },
      key: api.keys.two,
    });
    expect(refused.status).toBe(404);
  });
});

describe("an installation key", () => {
  test("acts for a tenant that it names, and sees that tenant's work only", async () => {
    const bulk = await api.json(202, "/v1/bulks?type=classify-intent", upload(intentLines(1)));
    const as = (tenant: string): Requested => ({
      key: api.keys.installation,
      headers: { "sluice-tenant": tenant },
    });
    expect((await api.json(200, `/v1/bulks/${bulk.id}`, as("one"))).id).toBe(bulk.id);
    expect((await api.send(`/v1/bulks/${bulk.id}`, as("two"))).status).toBe(404);
    expect((await api.send(`/v1/bulks/${bulk.id}`, { key: api.keys.installation })).status).toBe(404);
    expect((await api.send("/v1/bulks", as("nobody"))).status).toBe(404);
    expect((await api.send("/v1/bulks", as("NOT A NAME"))).status).toBe(400);
  });

  test("no other key acts for anybody else, and learns nothing from trying", async () => {
    const answers = await Promise.all(
      ["two", "nobody"].map((tenant) => api.send("/v1/bulks", { headers: { "sluice-tenant": tenant } })),
    );
    expect(answers.map(({ status }) => status)).toEqual([404, 404]);
    expect((await api.send("/v1/bulks", { headers: { "sluice-tenant": "one" } })).status).toBe(200);
  });

  test("creates tenants with keys; a taken name is a conflict", async () => {
    const tenant = await api.json(201, "/v1/tenants", {
      json: { name: "fresh" },
      key: api.keys.installation,
    });
    const key = await api.json(201, "/v1/keys", {
      json: { holder: { kind: "service", name: "first" }, scopes: ["admin"], tenant: "fresh" },
      key: api.keys.installation,
    });
    expect((await api.json(200, "/v1/keys", { key: key.secret })).keys).toHaveLength(1);
    const again = await api.json(409, "/v1/tenants", { json: { name: "fresh" }, key: api.keys.installation });
    expect(again.code).toBe("conflict");
    const { tenants } = await api.json(200, "/v1/tenants", { key: api.keys.installation });
    expect(tenants.map(({ id }: { id: string }) => id)).toEqual(
      expect.arrayContaining([tenant.id, installationTenantId]),
    );
  });

  test("a tenant's admin makes keys for its own tenant only", async () => {
    const json = { holder: { kind: "service", name: "x" }, scopes: ["read"], tenant: "two" };
    expect((await api.send("/v1/keys", { json })).status).toBe(404);
  });
});
