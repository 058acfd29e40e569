// The simulator's usage report has the documented shape, and adds up to what was billed.
import { afterEach, expect, test } from "vitest";
import { startSimulator } from "../../src/simulator/server.ts";
import type { Simulator } from "../../src/simulator/server.ts";

let simulator: Simulator | undefined;
afterEach(async () => {
  await simulator?.close();
  simulator = undefined;
});

const dayMs = 86_400_000;
const startMs = Date.UTC(2026, 10, 20, 23, 59);

interface Bucket {
  starting_at: string;
  ending_at: string;
  results: Record<string, unknown>[];
}
interface Report {
  data: Bucket[];
  has_more: boolean;
  next_page: string | null;
}

async function report(query: string, key = "sk-ant-admin-test"): Promise<{ status: number; body: Report }> {
  const answer = await fetch(`${simulator?.url}/v1/organizations/usage_report/messages?${query}`, {
    headers: { "x-api-key": key, "anthropic-version": "2026-10-21" },
  });
  return { status: answer.status, body: (await answer.json()) as Report };
}

async function call(model: string, key = "test-key"): Promise<Record<string, number>> {
  const answer = await fetch(`${simulator?.url}/v1/messages`, {
    method: "POST",
    headers: { "x-api-key": key, "anthropic-version": "2026-10-21", "content-type": "application/json" },
    body: JSON.stringify({ model, max_tokens: 50, messages: [{ role: "user", content: "Hello there" }] }),
  });
  const { usage } = (await answer.json()) as { usage: Record<string, number> };
  return usage;
}

test("usage is told by day, model and tier, with the fields the documentation names", async () => {
  simulator = await startSimulator({ profile: "fast", startMs });
  const first = await call("claude-haiku-5-5");
  await simulator.advance(dayMs);
  const second = await call("claude-opus-5");
  const groups = ["model", "service_tier", "inference_geo"].map((name) => `group_by[]=${name}`).join("&");
  const { status, body } = await report(
    `starting_at=2026-11-20T00:00:00Z&ending_at=2026-11-23T00:00:00Z&${groups}`,
  );
  expect(status).toBe(200);
  expect(body).toMatchObject({ has_more: false, next_page: null });
  expect(body.data.map(({ starting_at, ending_at }) => [starting_at, ending_at])).toEqual([
    ["2026-11-20T00:00:00.000Z", "2026-11-21T00:00:00.000Z"],
    ["2026-11-21T00:00:00.000Z", "2026-11-22T00:00:00.000Z"],
    ["2026-11-22T00:00:00.000Z", "2026-11-23T00:00:00.000Z"],
  ]);
  expect(body.data[0]?.results).toEqual([
    {
      uncached_input_tokens: first["input_tokens"],
      cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
      cache_read_input_tokens: 0,
      output_tokens: first["output_tokens"],
      server_tool_use: { web_search_requests: 0 },
      api_key_id: null,
      workspace_id: null,
      model: "claude-haiku-5-5",
      service_tier: "standard",
      context_window: null,
      inference_geo: "global",
    },
  ]);
  expect(body.data[1]?.results).toMatchObject([
    { model: "claude-opus-5", output_tokens: second["output_tokens"] },
  ]);
  expect(body.data[2]?.results).toEqual([]);
});

test("pages follow each other, buckets may be minutes, and filters leave out the others", async () => {
  simulator = await startSimulator({
    profile: "fast",
    startMs,
    workspaces: { a: "wrkspc_a", b: "wrkspc_b" },
  });
  await call("claude-haiku-5-5", "a");
  await simulator.advance(60_000);
  await call("claude-haiku-5-5", "b");
  const span = "starting_at=2026-11-20T23:58:30Z&ending_at=2026-11-21T00:02:00Z&bucket_width=1m&limit=2";
  const { body: one } = await report(span);
  expect(one.data.map((bucket) => bucket.results.length)).toEqual([0, 1]);
  expect(one.has_more).toBe(true);
  const { body: two } = await report(`${span}&page=${one.next_page}`);
  expect(two.data.map((bucket) => bucket.results.length)).toEqual([1, 0]);
  expect(two).toMatchObject({ has_more: false, next_page: null });
  const { body: ofA } = await report(
    "starting_at=2026-11-20T00:00:00Z&ending_at=2026-11-22T00:00:00Z&workspace_ids[]=wrkspc_a",
  );
  expect(ofA.data.map((bucket) => bucket.results.length)).toEqual([1, 0]);
});

test("other keys, spans and groups are refused", async () => {
  simulator = await startSimulator({ profile: "fast", startMs });
  expect((await report("starting_at=2026-11-20T00:00:00Z", "sk-ant-api-test")).status).toBe(401);
  expect((await report("ending_at=2026-11-20T00:00:00Z")).status).toBe(400);
  expect((await report("starting_at=2026-11-20T00:00:00Z&bucket_width=1w")).status).toBe(400);
  expect((await report("starting_at=2026-11-20T00:00:00Z&limit=32")).status).toBe(400);
  expect((await report("starting_at=2026-11-20T00:00:00Z&group_by[]=mood")).status).toBe(400);
});
