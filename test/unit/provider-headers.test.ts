import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { systemClock } from "../../src/config/clock.ts";
import { createProvider } from "../../src/provider/client.ts";

const scope = { tenantId: "t", queueId: "q", jobType: "j", model: "m", bulkId: "b" };

async function providerAt(listener: RequestListener, onAnswer?: (headers: Headers) => void) {
  const server = createServer(listener);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  const provider = createProvider({
    baseUrl: `http://127.0.0.1:${port}`,
    apiKey: "test",
    gate: () => ({ open: true }),
    clock: systemClock,
    ...(onAnswer && { onAnswer }),
  });
  const close = async (): Promise<void> => {
    await provider.close();
    server.close();
  };
  return { provider, close };
}

test("the pace learns from the Messages endpoint only: batch endpoints state another limit under the same header", async () => {
  const learned: (string | null)[] = [];
  const { provider, close } = await providerAt(
    (request, response) => {
      request.resume();
      const limit = request.url === "/v1/messages" ? "50" : "1000";
      response.writeHead(200, {
        "content-type": "application/json",
        "anthropic-ratelimit-requests-limit": limit,
      });
      response.end("{}");
    },
    (headers) => learned.push(headers.get("anthropic-ratelimit-requests-limit")),
  );
  await provider.createMessage("{}", { scope, deadlineMs: 5_000 });
  await provider.request({ method: "get", path: "/v1/messages/batches/x" }, { deadlineMs: 5_000 });
  expect(learned).toEqual(["50"]);
  await close();
});

test("a call that costs money follows no redirect", async () => {
  const asked: string[] = [];
  const { provider, close } = await providerAt((request, response) => {
    request.resume();
    asked.push(request.url ?? "");
    response.writeHead(307, { location: "/elsewhere" }).end();
  });
  const end = await provider.createMessage("{}", { scope, deadlineMs: 5_000 });
  expect(end).toMatchObject({ kind: "error", status: 307, outcome: "provider_error" });
  expect(asked).toEqual(["/v1/messages"]);
  await close();
});

test("half an answer is an unknown end; half an error is that error", async () => {
  const { provider, close } = await providerAt((request, response) => {
    request.resume();
    const failing = request.headers["content-length"] === "2";
    response.writeHead(failing ? 529 : 200, { "content-type": "application/json", "content-length": "100" });
    response.write('{"type":');
    setImmediate(() => response.destroy());
  });
  const failed = await provider.createMessage("{}", { scope, deadlineMs: 5_000 });
  expect(failed).toMatchObject({ kind: "error", status: 529, outcome: "overloaded" });
  const cut = await provider.createMessage('{"a":1}', { scope, deadlineMs: 5_000 });
  expect(cut).toMatchObject({ kind: "lost", outcome: "unknown_end" });
  await close();
});
