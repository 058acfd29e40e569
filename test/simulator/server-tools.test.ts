// Web searches in an answer and on the bill, and turns that pause between them, in calls and in batches.
import type { MessageCreateParamsNonStreaming, MessageParam } from "@anthropic-ai/sdk/resources/messages";
import { expect, test } from "vitest";
import { clientOf, failureOf, params, rowsOf, simulate } from "./support.ts";

const searching = (
  more: Partial<MessageCreateParamsNonStreaming> = {},
  uses: number | null = 2,
): MessageCreateParamsNonStreaming =>
  params("Who won the match last night?", {
    tools: [{ type: "web_search_20250305", name: "web_search", max_uses: uses }],
    ...more,
  });

const fee = 10_000_000n;

test("searches stand in the answer with their results, are counted in the usage and charged in full in either lane", async () => {
  const simulator = await simulate({ batchDurationMs: { min: 1_000, max: 1_000 } });
  const client = clientOf(simulator);
  const plain = await client.messages.create(params("Who won the match last night?"));
  const message = await client.messages.create(searching());
  const uses = message.content.filter((block) => block.type === "server_tool_use");
  const results = message.content.filter((block) => block.type === "web_search_tool_result");
  expect(uses.length).toBeGreaterThan(0);
  expect(uses.length).toBeLessThanOrEqual(2);
  expect(results.map((block) => block.tool_use_id)).toEqual(uses.map(({ id }) => id));
  expect(message.stop_reason).toBe("end_turn");
  expect(message.usage.server_tool_use?.web_search_requests).toBe(uses.length);
  // What was found is read, and so paid for.
  expect(message.usage.input_tokens).toBeGreaterThanOrEqual(plain.usage.input_tokens + uses.length * 400);
  const batch = await client.messages.batches.create({
    requests: [{ custom_id: "one", params: searching() }],
  });
  await simulator.advance(10_000);
  const [row] = await rowsOf(client, batch.id);
  if (row?.result.type !== "succeeded") throw new Error(JSON.stringify(row));
  const { items } = simulator.world.invoice.items(0, 10) as unknown as { items: { nano: string }[] };
  const [, call, line] = items.map(({ nano }) => BigInt(nano));
  const searched = BigInt(uses.length) * fee;
  expect(call ?? 0n).toBeGreaterThan(searched);
  expect(row.result.message.usage.server_tool_use?.web_search_requests).toBe(uses.length);
  // Half of the tokens, all of the fee.
  expect((line ?? 0n) - searched).toBe(((call ?? 0n) - searched + 1n) / 2n);
});

test.each([1, 3])("a turn that pauses %i times goes on where it was sent back, and ends", async (times) => {
  const simulator = await simulate();
  const client = clientOf(simulator);
  simulator.addFault({ action: "pause_turn", match: { contains: "last night" }, times });
  const { messages } = searching();
  const turns: MessageParam[] = [...messages];
  const stops: (string | null)[] = [];
  for (let at = 0; at <= times; at += 1) {
    const answer = await client.messages.create(searching({ messages: turns }));
    stops.push(answer.stop_reason);
    turns.push({ role: "assistant", content: answer.content as never });
  }
  expect(stops).toEqual([...Array.from({ length: times }, () => "pause_turn"), "end_turn"]);
  expect(simulator.world.invoice.items(0, 10).items).toHaveLength(times + 1);
});

test("a paused line of a batch is continued by a line of the next", async () => {
  const simulator = await simulate({ batchDurationMs: { min: 1_000, max: 1_000 } });
  const client = clientOf(simulator);
  simulator.addFault({ action: "pause_turn", match: { contains: "last night" }, times: 1 });
  const send = async (messages: MessageParam[]) => {
    const batch = await client.messages.batches.create({
      requests: [{ custom_id: "one", params: searching({ messages }) }],
    });
    await simulator.advance(10_000);
    const [row] = await rowsOf(client, batch.id);
    if (row?.result.type !== "succeeded") throw new Error(JSON.stringify(row));
    return row.result.message;
  };
  const { messages } = searching();
  const paused = await send(messages);
  expect(paused.stop_reason).toBe("pause_turn");
  expect(paused.content.some((block) => block.type === "text")).toBe(false);
  const ended = await send([...messages, { role: "assistant", content: paused.content as never }]);
  expect(ended.stop_reason).toBe("end_turn");
});

test("what the API refuses is refused: no uses, results without their use, a prefill that continues nothing", async () => {
  const client = clientOf(await simulate());
  const result = { type: "web_search_tool_result" as const, tool_use_id: "srvtoolu_x", content: [] };
  const stray = await failureOf(
    client.messages.create(
      searching({
        messages: [
          ...searching().messages,
          { role: "assistant", content: [result] },
          { role: "user", content: "And?" },
        ],
      }),
    ),
  );
  expect(stray.message).toContain("srvtoolu_x");
  expect((await failureOf(client.messages.create(searching({}, 0)))).message).toContain("max_uses");
  const prefill = searching({
    messages: [...searching().messages, { role: "assistant", content: "I think" }],
  });
  expect((await failureOf(client.messages.create(prefill))).message).toContain("prefill");
});
