// Requests that are sent twice: the three answers, and who may take over what.
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { waitFor } from "../support/wait.ts";
import { intentLine, intentLines, ndjson, rawUpload, startApi, upload, type TestApi } from "./api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const path = "/v1/bulks?type=classify-intent";
const count = async (table: string): Promise<number> =>
  Number((await api.pool.query(`SELECT count(*) FROM ${table}`)).rows[0].count);

describe("Idempotency-Key", () => {
  const keyed = (key: string, lines: readonly unknown[] = intentLines(3)) =>
    upload(lines, { "idempotency-key": key });

  test("same body: the same answer, and one bulk", async () => {
    const before = await count("bulks");
    const first = await api.send(path, keyed("same"));
    const again = await api.send(path, keyed('"same"'));
    expect([first.status, again.status]).toEqual([202, 202]);
    expect([first.headers.get("idempotency-replayed"), again.headers.get("idempotency-replayed")]).toEqual([
      null,
      "true",
    ]);
    expect(await again.text()).toBe(await first.text());
    expect(await count("bulks")).toBe(before + 1);
  });

  test("gzip of the same lines is the same request", async () => {
    const first = await api.json(202, path, keyed("zipped"));
    const zipped = rawUpload(gzipSync(ndjson(intentLines(3))), {
      "content-encoding": "gzip",
      "idempotency-key": "zipped",
    });
    expect(await api.json(202, path, zipped)).toEqual(first);
  });

  test("twins at the same instant: one runs, the others hear that it does", async () => {
    for (let round = 0; round < 10; round += 1) {
      const before = await count("bulks");
      const twins = await Promise.all(
        Array.from({ length: 4 }, () => api.send(path, keyed(`twins ${round}`, intentLines(200)))),
      );
      expect(await count("bulks")).toBe(before + 1);
      // The claim is never taken from whoever has it: somebody who has begun is not told to come again.
      const { rows } = await api.pool.query("SELECT status FROM idempotency_keys WHERE key = $1", [
        `twins ${round}`,
      ]);
      expect(rows).toEqual([{ status: 202 }]);
      expect(twins.every(({ status }) => status === 202 || status === 409)).toBe(true);
    }
  });

  test("a refusal of the first line of a long gzipped body: the same request is refused the same way", async () => {
    const lines = [{ shared: { labels: 5 } }, ...intentLines(6_000)];
    const zipped = rawUpload(gzipSync(ndjson(lines)), {
      "content-encoding": "gzip",
      "idempotency-key": "refused early",
    });
    const first = await api.json(400, path, zipped);
    expect((await api.json(400, path, zipped)).code).toBe(first.code);
  });

  test.each([
    ["another body", path, intentLines(2)],
    ["another query", `${path}&urgency=now`, intentLines(3)],
  ])("%s: 422", async (what, otherPath, lines) => {
    await api.json(202, path, keyed(what));
    const problem = await api.json(422, otherPath, keyed(what, lines));
    expect(problem.code).toBe("idempotency_mismatch");
  });

  test("another tenant's same key is another key", async () => {
    const mine = await api.json(202, path, keyed("common"));
    const theirs = await api.json(202, path, { ...keyed("common"), key: api.keys.two });
    expect(theirs.id).not.toBe(mine.id);
  });

  test("still running: 409 with Retry-After; then the same answer", async () => {
    let finish: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (finish = resolve));
    const body = new ReadableStream({
      async start(controller) {
        controller.enqueue(new TextEncoder().encode(ndjson(intentLines(1))));
        await held;
        controller.close();
      },
    });
    const first = api.json(202, path, rawUpload(body, { "idempotency-key": "slow" }));
    await waitFor("the claim", async () => {
      const { rows } = await api.pool.query("SELECT 1 FROM idempotency_keys WHERE key = 'slow'");
      return rows.length === 1;
    });
    const second = await api.send(path, keyed("slow", intentLines(1)));
    expect([second.status, second.headers.get("retry-after")]).toEqual([409, "2"]);
    expect(await second.json()).toMatchObject({ code: "idempotency_in_progress" });
    finish();
    const { id } = await first;
    expect((await api.json(202, path, keyed("slow", intentLines(1)))).id).toBe(id);
  });

  test("a refusal of the content is kept, one of the moment is not", async () => {
    const bad = keyed("bad", [{ input: {} }]);
    const first = await api.json(422, path, bad);
    const again = await api.send(path, bad);
    expect([again.status, again.headers.get("content-type")]).toEqual([
      422,
      "application/problem+json; charset=utf-8",
    ]);
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect(await again.json()).toEqual(first);
    await api.json(404, `${path}&queue=later`, keyed("moment"));
    await api.json(201, "/v1/queues/later", { method: "PUT", json: {} });
    await api.json(202, `${path}&queue=later`, keyed("moment"));
  });

  test("what a dead process left is taken over, what a living one runs is not", async () => {
    const leave = async (key: string, leaseUntil: string) => {
      await api.pool.query(
        "INSERT INTO processes (id, host, pid, roles, lease_until) VALUES ($1, 'h', 1, '{api}', now() + $2::interval)",
        [`p-${key}`, leaseUntil],
      );
      await api.pool.query(
        "INSERT INTO idempotency_keys (tenant_id, key, route, process_id, expires_at) VALUES ($1, $2, 'r', $3, now() + interval '1 day')",
        [api.tenants.one, key, `p-${key}`],
      );
    };
    await leave("dead", "-1 second");
    await leave("alive", "1 hour");
    await api.json(202, path, keyed("dead"));
    await api.json(409, path, keyed("alive"));
  });

  test("is over after its time", async () => {
    const first = await api.json(202, path, keyed("old"));
    await api.pool.query("UPDATE idempotency_keys SET expires_at = now() WHERE key = 'old'");
    expect((await api.json(202, path, keyed("old", intentLines(2)))).id).not.toBe(first.id);
  });

  test("works for single jobs and retries; what is no key is refused", async () => {
    const json = { type: "classify-intent", input: intentLine("one").input };
    const job = { json, headers: { "idempotency-key": "single" } };
    expect(await api.json(202, "/v1/jobs", job)).toEqual(await api.json(202, "/v1/jobs", job));
    const problem = await api.json(400, "/v1/jobs", {
      json,
      headers: { "idempotency-key": "x".repeat(256) },
    });
    expect(problem).toMatchObject({ code: "invalid_header", errors: [{ field: "Idempotency-Key" }] });
  });
});
