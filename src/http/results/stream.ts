// Sending rows as NDJSON. The reader is asked for more only when the socket has taken what was there, so a slow caller costs a
// page of memory. A caller who leaves ends the reading; a failure half way cuts the connection, and the caller can tell, because
// a chunked body that was cut has no end.
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createGzip } from "node:zlib";
import type { Request, Response } from "express";

/** Answers 200 with one JSON value a line. */
export async function sendNdjson(
  request: Request,
  response: Response,
  pages: AsyncIterable<readonly unknown[]>,
): Promise<void> {
  response.status(200);
  response.setHeader("Content-Type", "application/x-ndjson; charset=utf-8");
  response.setHeader("Vary", "Accept-Encoding");
  const text = Readable.from(asText(pages), { objectMode: false });
  if (request.acceptsEncodings(["gzip", "identity"]) !== "gzip") {
    response.flushHeaders();
    await pipeline(text, response);
    return;
  }
  response.setHeader("Content-Encoding", "gzip");
  response.flushHeaders();
  // A flush per page: who follows a bulk wants its lines when they are there.
  await pipeline(text, createGzip({ flush: constants.Z_SYNC_FLUSH }), response);
}

async function* asText(pages: AsyncIterable<readonly unknown[]>): AsyncGenerator<string> {
  for await (const rows of pages) {
    if (rows.length > 0) yield rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  }
}

/** A signal that fires when the caller has left or the answer is complete. */
export function goneSignal(response: Response): AbortSignal {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  return gone.signal;
}

/** A caller who left is no failure. */
export function isGone(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return (
    code === "ERR_STREAM_PREMATURE_CLOSE" ||
    code === "ERR_STREAM_DESTROYED" ||
    code === "EPIPE" ||
    code === "ECONNRESET"
  );
}
