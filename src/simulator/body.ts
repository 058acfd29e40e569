/** Request bodies: decoded, counted after decoding, refused when too large. */
import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { ApiError, invalidRequest, tooLarge } from "./api-error.ts";

const decoders = { gzip: createGunzip, deflate: createInflate, br: createBrotliDecompress } as const;

/** The body as it is after its Content-Encoding. */
export const decodedBody = (request: IncomingMessage): Readable => {
  const encoding = request.headers["content-encoding"] ?? "identity";
  if (encoding === "identity") return request;
  if (encoding !== "gzip" && encoding !== "deflate" && encoding !== "br") {
    throw invalidRequest(
      `Content-Encoding "${encoding}" is not supported.`,
      "request_body_encoding_unsupported",
    );
  }
  const decoder = decoders[encoding]();
  request.on("error", (error) => decoder.destroy(error));
  return request.pipe(decoder);
};

/** Feeds the body to `use` chunk by chunk. Throws a 413 as soon as it exceeds `bytesMax`. */
export const readBody = async (
  request: IncomingMessage,
  bytesMax: number,
  use: (chunk: Buffer) => void,
): Promise<number> => {
  const declared = Number(request.headers["content-length"] ?? 0);
  if (declared > bytesMax) throw tooLarge("Request exceeds the maximum size");
  let bytes = 0;
  try {
    for await (const chunk of decodedBody(request)) {
      bytes += (chunk as Buffer).length;
      if (bytes > bytesMax) throw oversized(request);
      use(chunk as Buffer);
    }
  } catch (error) {
    if (error instanceof ApiError || !isDecodingError(error)) throw error;
    throw invalidRequest(
      "The request body is not valid for its Content-Encoding.",
      "request_body_encoding_invalid",
    );
  }
  return bytes;
};

const oversized = (request: IncomingMessage): ApiError =>
  request.headers["content-encoding"] === undefined
    ? tooLarge("Request exceeds the maximum size")
    : tooLarge("Request exceeds the maximum size after decoding", "request_body_too_large_after_decoding");

const isDecodingError = (error: unknown): boolean =>
  error instanceof Error &&
  "code" in error &&
  typeof error.code === "string" &&
  /^(Z_|ERR__ERROR|ERR_|ERROR_)/.test(error.code) &&
  error.code !== "ERR_STREAM_PREMATURE_CLOSE";

/** A small body, whole. Listeners instead of an iterator: this is the hot path of /v1/messages. */
export const readSmallBody = (request: IncomingMessage, bytesMax: number): Promise<Buffer> => {
  if (request.headers["content-encoding"] !== undefined) return collect(request, bytesMax);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= bytesMax) chunks.push(chunk);
      else reject(tooLarge("Request exceeds the maximum size"));
    });
    request.on("end", () => {
      resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks));
    });
    request.on("error", reject);
  });
};

const collect = async (request: IncomingMessage, bytesMax: number): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  await readBody(request, bytesMax, (chunk) => chunks.push(chunk));
  return Buffer.concat(chunks);
};
