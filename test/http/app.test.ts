// What every answer has, whatever is asked; and that the document describes what is there.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Registry } from "prom-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { z } from "zod";
import { errorCatalogue, ServiceError } from "../../src/domain/errors.ts";
import { createApi } from "../../src/http/api.ts";
import { createApp } from "../../src/http/app.ts";
import { errorsOf } from "../../src/http/openapi.ts";
import type { Route } from "../../src/http/route.ts";
import { allRoutes } from "../../src/http/routes/all.ts";
import { problemSchema } from "../../src/http/schemas.ts";
import { listen } from "../../src/http/server.ts";
import { silentLog } from "../../src/observe/log.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { finishJobs } from "./jobs-done.ts";
import { intentLine, intentLines, startApi, upload, type Json, type TestApi } from "./api.ts";

let api: TestApi;
let routes: Route[];
beforeAll(async () => {
  api = await startApi({ SLUICE_PUBLIC_URL: "https://sluice.example.com/" });
  routes = allRoutes(createApi({ ...api.deps, metrics: new Registry() }));
});
afterAll(() => api.close());

describe("every answer", () => {
  test("has an id, the caller's own if it is one, and headers that keep browsers careful", async () => {
    const own = await api.send("/healthz", { headers: { "x-request-id": "trace-1" } });
    const other = await api.send("/healthz", { headers: { "x-request-id": "no spaces, please" } });
    expect(own.headers.get("x-request-id")).toBe("trace-1");
    expect(other.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    expect(own.headers.get("x-content-type-options")).toBe("nosniff");
    expect(own.headers.get("x-powered-by")).toBe(null);
  });

  test.each([
    ["GET", "/v1/nothing", 404, "not_found"],
    ["GET", "/v1/bulks/not-an-id", 404, "not_found"],
    ["GET", "/v1/bulks/%E0%A4%A", 404, "not_found"],
    ["PATCH", "/v1/bulks", 405, "method_not_allowed"],
    ["DELETE", "/v1/types", 405, "method_not_allowed"],
    ["GET", "/v1/bulks?limit=0", 400, "invalid_query"],
    ["GET", "/v1/bulks?after=x", 400, "invalid_query"],
    ["GET", "/v1/jobs?stat=queued", 400, "invalid_query"],
  ])("%s %s is a problem with code and hint", async (method, path, status, code) => {
    const response = await api.send(path, { method });
    expect(response.status).toBe(status);
    expect(response.headers.get("content-type")).toBe("application/problem+json; charset=utf-8");
    const problem = problemSchema.parse(await response.json());
    expect(problem).toMatchObject({ code, status, hint: errorCatalogue[code as "not_found"].hint });
    expect(problem.request_id).toBe(response.headers.get("x-request-id"));
    if (status === 405) expect(response.headers.get("allow")).toMatch(/GET/);
  });

  test("links begin with the public address", async () => {
    const { links } = await api.json(202, "/v1/bulks?type=classify-intent", upload(intentLines(1)));
    expect(links.self).toMatch(/^https:\/\/sluice\.example\.com\/v1\/bulks\/[0-9a-z]{26}$/);
  });

  test("is as its schema says", async () => {
    const bulk = await api.json(
      202,
      "/v1/bulks?type=classify-intent",
      upload([intentLine("x", { urgency: "now" })]),
    );
    const [job] = (await api.json(200, `/v1/jobs?bulk=${bulk.id}`)).jobs;
    await finishJobs(api.pool, bulk.id, [{ line: 1, state: "failed" }]);
    const asked: [name: string, path: string][] = [
      ["listBulks", "/v1/bulks"],
      ["getBulk", `/v1/bulks/${bulk.id}`],
      ["listJobs", "/v1/jobs"],
      ["getJob", `/v1/jobs/${job.id}`],
      ["listQueues", "/v1/queues"],
      ["getQueue", "/v1/queues/default"],
      ["getSpend", "/v1/spend"],
      ["listAlerts", "/v1/alerts"],
      ["listTypes", "/v1/types"],
      ["getType", "/v1/types/classify-intent"],
      ["listKeys", "/v1/keys"],
      ["getHealth", "/healthz"],
      ["getReadiness", "/readyz"],
    ];
    for (const [name, path] of asked) {
      const schema = routes.find((route) => route.name === name)?.answers[200]?.schema as z.ZodObject;
      const strict = schema.strict().safeParse(await api.json(200, path));
      expect(strict.error?.issues, name).toBe(undefined);
    }
  });
});

describe("the document", () => {
  test("holds every route that is mounted, and none that is not", async () => {
    const document = await api.json(200, "/openapi.json", { key: "" });
    const described = Object.entries(document.paths as Record<string, object>).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    const mounted = mountedRoutes(createApp({ ...api.deps, metrics: new Registry() }));
    expect(described.toSorted()).toEqual(mounted.toSorted());
    expect(described.toSorted()).toEqual(routes.map(({ method, path }) => `${method} ${path}`).toSorted());
  });

  test("is complete in itself: every reference leads somewhere, every operation has a name, a scope and its errors", async () => {
    const document = await api.json(200, "/openapi.json", { key: "" });
    expect(document.openapi).toBe("3.1.0");
    const text = JSON.stringify(document);
    const references = Array.from(
      text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g),
      ([, name]) => name,
    );
    expect(references.length).toBeGreaterThan(50);
    expect(references.filter((name) => document.components.schemas[name ?? ""] === undefined)).toEqual([]);
    expect(text).not.toContain("#/$defs/");
    const operations = Object.values(document.paths as Record<string, Record<string, Json>>).flatMap(
      (methods) => Object.values(methods),
    );
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
    for (const operation of operations) {
      const open = Array.isArray(operation.security);
      expect(operation["x-scope"] ?? "open", operation.operationId).toMatch(
        open ? /^open$/ : /^(read|submit|operate|admin)$/,
      );
      if (!open) expect(operation.responses["401"]["x-codes"]).toEqual(["unauthorized"]);
      const templated = [...operation.parameters].filter((parameter: Json) => parameter.in === "path");
      for (const parameter of templated) expect(parameter.required).toBe(true);
    }
    for (const [path, methods] of Object.entries(document.paths as Record<string, Record<string, Json>>)) {
      const names = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name);
      for (const operation of Object.values(methods))
        expect(
          operation.parameters
            .filter(({ in: where }: Json) => where === "path")
            .map(({ name }: Json) => name),
        ).toEqual(names);
    }
  });

  test("names every error that the catalogue has for callers", () => {
    const named = new Set(routes.flatMap(errorsOf));
    const ofUploads = [
      "invalid_lines",
      "empty_upload",
      "upload_incomplete",
      "too_many_lines",
      "upload_too_large",
    ] as const;
    const ofState = [
      "budget_below_committed",
      "bulk_not_finished",
      "bulk_finished",
      "job_finished",
      "conflict",
    ] as const;
    for (const code of [
      ...ofUploads,
      ...ofState,
      "idempotency_mismatch",
      "unbounded_cost",
      "price_unknown",
    ] as const)
      expect([...named]).toContain(code);
  });
});

test("docs/api.md names every route, and no other", () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/api.md"), "utf8");
  const named = Array.from(
    page.matchAll(/`(GET|POST|PUT|DELETE) (\/[^\s?`]*)/g),
    ([, method, path]) => `${method} ${path}`,
  );
  const mounted = routes.map(({ method, path }) => `${method.toUpperCase()} ${path}`);
  expect([...new Set(named)].toSorted()).toEqual(mounted.toSorted());
});

/** What express really has, read from its own table of routes. */
function mountedRoutes(app: Json): string[] {
  return (
    app.router.stack
      // A layer of all methods refuses those that have no route.
      .filter((layer: Json) => layer.route !== undefined && Object.keys(layer.route.methods).length === 1)
      .flatMap((layer: Json) =>
        Object.keys(layer.route.methods).map(
          (method) => `${method} ${layer.route.path.replaceAll(/:(\w+)/g, "{$1}")}`,
        ),
      )
  );
}

describe("operation", () => {
  test("figures count jobs and money and name nobody", async () => {
    const text = await (await api.send("/metrics", { key: api.keys.installation })).text();
    for (const name of [
      "sluice_jobs_finished",
      "sluice_jobs_open",
      "sluice_spent_usd",
      "sluice_held_usd",
      "sluice_rate_limited_answers",
      "sluice_oldest_waiting_seconds",
      "sluice_alerts_undelivered",
      "sluice_alert_path_broken",
      "process_cpu_seconds_total",
    ])
      expect(text).toMatch(new RegExp(`^${name}`, "m"));
    expect(text).toMatch(/^sluice_jobs_finished\{lane="realtime",outcome="failed"\} \d/m);
    for (const secret of [api.tenants.one, "default", api.keys.one.slice(4)])
      expect(text).not.toContain(secret);
  });

  test("ready means database, migrations and queue; healthy means only that the process answers", async () => {
    expect((await api.json(200, "/readyz", { key: "" })).status).toBe("ready");
    const dead = openPool("postgres://nobody@127.0.0.1:1/none", {
      max: 1,
      applicationName: "test",
      log: silentLog,
    });
    const cut = createApp({
      ...api.deps,
      pool: dead,
      metrics: new Registry(),
      queueReady: () => Promise.reject(new ServiceError("queue_unavailable")),
    });
    const server = await listen(cut, { host: "127.0.0.1", port: 0 });
    const at = `http://127.0.0.1:${server.port}`;
    try {
      const ready = await fetch(`${at}/readyz`);
      expect(ready.status).toBe(503);
      expect(await ready.json()).toEqual({
        status: "not_ready",
        checks: { database: "failed", migrations: "failed", queue: "failed", alerts: "ok" },
      });
      expect((await fetch(`${at}/healthz`)).status).toBe(200);
      const asked = await fetch(`${at}/v1/bulks`, { headers: { authorization: `Bearer ${api.keys.one}` } });
      expect([asked.status, asked.headers.get("retry-after")]).toEqual([503, "5"]);
      expect(await asked.json()).toMatchObject({ code: "database_unavailable", retryable: true });
    } finally {
      await server.close(0);
      await dead.end();
    }
  });

  test("a fault of ours is a 500 that says nothing but its id", async () => {
    const broken = {
      ...api.deps,
      metrics: new Registry(),
      jobTypes: {
        values: () => {
          throw new Error("secret inside");
        },
      } as never,
    };
    const server = await listen(createApp(broken), { host: "127.0.0.1", port: 0 });
    try {
      const response = await fetch(`http://127.0.0.1:${server.port}/v1/types`, {
        headers: { authorization: `Bearer ${api.keys.one}` },
      });
      expect(response.status).toBe(500);
      const text = await response.text();
      expect(text).not.toContain("secret");
      expect(JSON.parse(text)).toMatchObject({ code: "internal", request_id: expect.any(String) });
    } finally {
      await server.close(0);
    }
  });
});
