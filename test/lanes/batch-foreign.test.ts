// Others in the workspace are said once, at the start, and left alone.
import { afterEach, expect, test } from "vitest";
import { reportForeign } from "../../src/lanes/batch/foreign.ts";
import type { Log } from "../../src/observe/log.ts";
import { openBatchFixture } from "./batch-fixture.ts";
import type { BatchFixture } from "./batch-fixture.ts";

let fixture: BatchFixture | undefined;
afterEach(async () => {
  await fixture?.close();
  fixture = undefined;
});

/** A batch that some other program makes with our key. */
async function createElsewhere(url: string): Promise<void> {
  const params = {
    model: "claude-haiku-5-5",
    max_tokens: 10,
    messages: [{ role: "user", content: "hello" }],
  };
  const answer = await fetch(`${url}/v1/messages/batches`, {
    method: "POST",
    headers: {
      "x-api-key": "test-key",
      "anthropic-version": "2026-10-21",
      "content-type": "application/json",
    },
    body: JSON.stringify({ requests: [{ custom_id: "theirs-1", params }] }),
  });
  expect(answer.status).toBe(200);
}

test("message batches that no row of ours claims are reported; our own and very young ones are not", async () => {
  fixture = await openBatchFixture();
  const said: [string, unknown][] = [];
  const log: Log = { event: (name, fields) => void said.push([name, fields]), child: () => log };
  const deps = { ...fixture.deps, log };
  await fixture.submit(20);
  await fixture.drive();
  await fixture.advance(3_600_000);
  expect(await reportForeign(deps)).toBe(0);
  await createElsewhere(fixture.simulator.url);
  expect(await reportForeign(deps)).toBe(0);
  await fixture.advance(3_600_000);
  expect(await reportForeign(deps)).toBe(1);
  expect(said).toEqual([
    ["workspace.shared", { batches: 1, newest: expect.stringMatching(/^msgbatch_/) as string }],
  ]);
});
