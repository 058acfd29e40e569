// What tests of message batches in doubt do to them: freeze their process, lose their answers, put strangers beside them.
import { expect } from "vitest";
import type { BatchFixture } from "./batch-fixture.ts";

export const createPath = "/v1/messages/batches";
export const minuteMs = 60_000;

/** A call that never comes back to its process, as if that were frozen; `thaw` lets it go on. */
interface Freezer {
  readonly freeze: <T>(work: Promise<T>) => Promise<T>;
  readonly thaw: () => void;
}
export function createFreezer(): Freezer {
  const waiting: (() => void)[] = [];
  const thawed = new Promise<void>((resolve) => waiting.push(resolve));
  return {
    freeze: async (work) => (await Promise.all([work, thawed]))[0],
    thaw: () => {
      for (const resolve of waiting) resolve();
    },
  };
}

export const loseAnswer = ({ simulator }: BatchFixture, times = 1): void =>
  void simulator.addFault({
    action: "lose_response",
    match: { path: createPath, method: "POST" },
    times,
  });

/** Somebody else in the workspace creates a batch of so many lines. */
export const createForeign = (fixture: BatchFixture, lines: number): Promise<void> =>
  createOutside(
    fixture,
    Array.from({ length: lines }, (_, n) => `theirs-${n}`),
  );

/** Creates a batch with these names of lines past Sluice. */
export async function createOutside(
  { simulator }: BatchFixture,
  customIds: readonly string[],
): Promise<void> {
  const params = {
    model: "claude-haiku-4-5",
    max_tokens: 16,
    messages: [{ role: "user", content: "hello" }],
  };
  const requests = customIds.map((customId) => ({ custom_id: customId, params }));
  const answer = await fetch(`${simulator.url}${createPath}`, {
    method: "POST",
    headers: {
      authorization: "Bearer test-key",
      "anthropic-version": "2026-10-21",
      "content-type": "application/json",
    },
    body: JSON.stringify({ requests }),
  });
  expect(answer.status).toBe(200);
}

/** What strangers' batches cost, which is no business of ours. */
export async function foreignNano({ simulator }: BatchFixture): Promise<bigint> {
  await simulator.totalNano();
  const { batches, invoice } = simulator.world;
  const theirs = batches.all().filter((batch) => batch.customIds[0]?.startsWith("theirs-"));
  return theirs.reduce((sum, batch) => sum + invoice.batchNano(batch.id), 0n);
}
