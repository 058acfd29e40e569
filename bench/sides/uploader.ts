// A caller of its own: streams a file to `POST /v1/bulks` and times it from the first byte to the 202.

import { createReadStream } from "node:fs";
import { request as httpRequest } from "node:http";
import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { once } from "node:events";
import { answerRequests } from "../children.ts";

answerRequests(
  async ({ url, key, file }) => {
    const startedAt = performance.now();
    const request = httpRequest(String(url), {
      method: "POST",
      headers: { authorization: `Bearer ${String(key)}`, "content-type": "application/x-ndjson" },
    });
    const answered = once(request, "response") as Promise<[IncomingMessage]>;
    await Promise.all([
      pipeline(createReadStream(String(file), { highWaterMark: 65_536 }), request),
      answered,
    ]);
    const [response] = await answered;
    const body = await text(response);
    return { ms: performance.now() - startedAt, status: response.statusCode, body };
  },
  () => Promise.resolve(),
);
