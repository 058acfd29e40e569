import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { systemClock } from "../../src/config/clock.ts";
import { createProvider } from "../../src/provider/client.ts";

test("the pace learns from the Messages endpoint only: batch endpoints state another limit under the same header", async () => {
  const server = createServer((request, response) => {
    request.resume();
    const limit = request.url === "/v1/messages" ? "50" : "1000";
    response.writeHead(200, {
      "content-type": "application/json",
      "anthropic-ratelimit-requests-limit": limit,
    });
    response.end("{}");
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  const learned: (string | null)[] = [];
  const provider = createProvider({
    baseUrl: `http://127.0.0.1:${port}`,
    apiKey: "test",
    gate: () => ({ open: true }),
    clock: systemClock,
    onAnswer: (headers) => learned.push(headers.get("anthropic-ratelimit-requests-limit")),
  });
  const scope = { tenantId: "t", queueId: "q", jobType: "j", model: "m", bulkId: "b" };
  await provider.createMessage("{}", { scope, deadlineMs: 5_000 });
  await provider.request({ method: "get", path: "/v1/messages/batches/x" }, { deadlineMs: 5_000 });
  expect(learned).toEqual(["50"]);
  await provider.close();
  server.close();
});
