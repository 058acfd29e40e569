// The simulator's cost report has the documented shape, and adds up to what was billed.
import { afterEach, expect, test } from "vitest";
import { nanoOfCents } from "../../src/provider/cost-report.ts";
import { startSimulator } from "../../src/simulator/server.ts";
import type { Simulator } from "../../src/simulator/server.ts";

let simulator: Simulator | undefined;
afterEach(async () => {
  await simulator?.close();
  simulator = undefined;
});

const dayMs = 86_400_000;

interface Report {
  data: { results: { amount: string }[] }[];
  next_page: string | null;
}

async function report(query: string, key = "sk-ant-admin-test"): Promise<{ status: number; body: Report }> {
  const answer = await fetch(`${simulator?.url}/v1/organizations/cost_report?${query}`, {
    headers: { "x-api-key": key, "anthropic-version": "2026-10-21" },
  });
  return { status: answer.status, body: (await answer.json()) as Report };
}

async function call(model: string): Promise<void> {
  const answer = await fetch(`${simulator?.url}/v1/messages`, {
    method: "POST",
    headers: {
      "x-api-key": "test-key",
      "anthropic-version": "2026-10-21",
      "content-type": "application/json",
    },
    body: JSON.stringify({ model, max_tokens: 50, messages: [{ role: "user", content: "Hello there" }] }),
  });
  expect(answer.status).toBe(200);
}

test("cents by day, model and tier, in pages, for admin keys only", async () => {
  simulator = await startSimulator({ profile: "fast", startMs: Date.UTC(2026, 10, 20, 23, 59) });
  await call("claude-haiku-5-5");
  await simulator.advance(dayMs);
  await call("claude-opus-5");
  await call("claude-haiku-5-5");
  const groups = "group_by[]=workspace_id&group_by[]=description";
  const span = "starting_at=2026-11-20T00:00:00Z&ending_at=2026-11-22T00:00:00Z";
  const first = (await report(`${span}&${groups}&limit=1`)).body;
  expect(first).toMatchObject({
    data: [
      {
        starting_at: "2026-11-20T00:00:00.000Z",
        ending_at: "2026-11-21T00:00:00.000Z",
        results: [
          { currency: "USD", cost_type: "tokens", model: "claude-haiku-5-5", service_tier: "standard" },
        ],
      },
    ],
    has_more: true,
  });
  const second = (await report(`${span}&${groups}&limit=1&page=${first.next_page}`)).body;
  expect(second).toMatchObject({ has_more: false, next_page: null });
  const items = [first, second].flatMap(({ data }) => data[0]?.results ?? []);
  expect(items).toHaveLength(3);
  const sum = items.reduce((nano, { amount }) => nano + nanoOfCents(amount), 0n);
  expect(sum).toBe(await simulator.totalNano());
  const whole = (await report(span)).body.data[1]?.results;
  expect(whole).toMatchObject([{ model: null, description: null, workspace_id: null }]);
  expect((await report(span, "sk-ant-api-test")).status).toBe(401);
  expect((await report(`${span}&limit=32`)).status).toBe(400);
});

test("cents are read to the nano-dollar", () => {
  expect(["123.78912", "0.0000001", "5", "-1.5", "0.00000019"].map((text) => nanoOfCents(text))).toEqual([
    1_237_891_200n,
    1n,
    50_000_000n,
    -15_000_000n,
    1n,
  ]);
});
