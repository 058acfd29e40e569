// One process of the budget race that follows another rule: so many calls at once, each reserved, made and settled by it.

import { Redis } from "ioredis";
import { costNanoUsd, priceAt, readUsage } from "../../src/domain/price.ts";
import { callsOf } from "../budget/load.ts";
import { openPurse } from "../budget/rules.ts";
import type { RivalRule } from "../budget/rules.ts";
import { answerRequests } from "../children.ts";

const redis = new Redis(process.env["REDIS_URL"] ?? "", { maxRetriesPerRequest: null });
const waitMs = 5;

interface Race {
  rule: RivalRule;
  limitNano: string;
  url: string;
  concurrency: number;
  calls: number;
}

answerRequests(
  async (request) => {
    const { rule, limitNano, url, concurrency, calls } = request as unknown as Race;
    const purse = openPurse(redis, rule, BigInt(limitNano));
    const load = await callsOf(calls);
    let lastMs = performance.timeOrigin + performance.now();
    const worker = async (): Promise<void> => {
      for (let call = load.pop(); call !== undefined;) {
        // oxlint-disable no-await-in-loop -- one worker, one call after the other
        const hold = await purse.reserve(call.worstNano);
        if (hold === "spent") return;
        if (hold === "wait") {
          await new Promise((resolve) => setTimeout(resolve, waitMs));
          continue;
        }
        await purse.settle(hold, await costOf(url, call.params));
        lastMs = performance.timeOrigin + performance.now();
        call = load.pop();
        // oxlint-enable no-await-in-loop
      }
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
    return { lastMs, left: load.length };
  },
  () => redis.quit(),
);

async function costOf(url: string, params: string): Promise<bigint> {
  const answer = await fetch(`${url}/v1/messages`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: "Bearer bench",
      "anthropic-version": "2026-10-21",
    },
    body: params,
  });
  if (!answer.ok) throw new Error(`the provider answered ${answer.status}: ${await answer.text()}`);
  const message = (await answer.json()) as { model: string; usage: unknown };
  const usage = readUsage(message.usage);
  const price = priceAt(message.model, Date.now());
  if (usage === null || price === undefined) throw new Error("an answer that cannot be priced");
  return costNanoUsd(usage, { lane: "realtime", price });
}
