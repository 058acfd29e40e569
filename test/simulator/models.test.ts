import type Anthropic from "@anthropic-ai/sdk";
import { expect, test } from "vitest";
import { clientOf, failureOf, hourMs, params, simulate } from "./support.ts";

test("models are listed newest first with life cycle, limits and capabilities", async () => {
  const client = clientOf(await simulate());
  const models: Anthropic.ModelInfo[] = [];
  for await (const model of client.models.list({ limit: 5 })) models.push(model);
  const times = models.map((model) => model.created_at);
  expect(times).toEqual(times.toSorted().toReversed());
  expect(models.some((model) => model.lifecycle === "retired")).toBe(false);
  expect(await client.models.retrieve("claude-haiku-4-5")).toMatchObject({
    id: "claude-haiku-4-5-20251001",
    type: "model",
    lifecycle: "active",
    max_input_tokens: 200_000,
    max_tokens: 64_000,
    capabilities: {
      batch: { supported: true },
      thinking: { types: { adaptive: { supported: false }, enabled: { supported: true } } },
    },
  });
  const retired = await client.models.list({ lifecycle: ["retired"] });
  expect(retired.data.map((model) => model.id)).toContain("claude-opus-4-1-20250805");
  expect((await failureOf(client.models.retrieve("claude-none"))).status).toBe(404);
});

test("a model retires on its day", async () => {
  const own = await simulate({ startMs: Date.UTC(2026, 10, 29, 23) });
  const old = () => clientOf(own).messages.create(params("Hello", { model: "claude-sonnet-4-5" }));
  expect((await clientOf(own).models.retrieve("claude-sonnet-4-5")).lifecycle).toBe("deprecated");
  expect((await old()).stop_reason).toBe("end_turn");
  await own.advance(hourMs);
  const error = await failureOf(old());
  expect([error.status, error.message]).toEqual([404, expect.stringContaining("model: claude-sonnet-4-5")]);
});
