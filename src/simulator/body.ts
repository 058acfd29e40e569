/**
 * Request bodies: decoded, counted after decoding, refused when too large. A refused body is still read to its end, unused, so
 * that the client gets to read the refusal instead of a reset.
 */
import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { invalidRequest, tooLarge } from "./api-error.ts";
import type { ApiError } from "./api-error.ts";

const decoders = { gzip: createGunzip, deflate: createInflate, br: createBrotliDecompress } as const;

/** The body as it is after its Content-Encoding. */
const decodedBody = (request: IncomingMessage): Readable => {
  const encoding = request.headers["content-encoding"] ?? "identity";
  if (encoding === "identity") return request;
  if (encoding !== "gzip" && encoding !== "deflate" && encoding !== "br") {
    throw invalidRequest(
      `Content-Encoding "${encoding}" is not supported.`,
      "request_body_encoding_unsupported",
    );
  }
  return request.pipe(decoders[encoding]());
};

/** Says how long to leave the socket alone after so many bytes; undefined: not at all. */
type Slowly = (bytes: number) => Promise<void> | undefined;

const atOnce: Slowly = () => undefined;

/**
 * Feeds the body to `use` chunk by chunk; 413 as soon as it exceeds `bytesMax`, 400 when it cannot be decoded. While `slowly` waits
 * nothing is read, so that whoever sends is held back once the buffers in between are full.
 */
export const readBody = (
  request: IncomingMessage,
  bytesMax: number,
  use: (chunk: Buffer) => void,
  slowly: Slowly = atOnce,
): Promise<void> => {
  if (Number(request.headers["content-length"] ?? 0) > bytesMax)
    throw tooLarge("Request exceeds the maximum size");
  const source = decodedBody(request);
  return new Promise((resolve, reject) => {
    let bytes = 0;
    source.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > bytesMax) {
        reject(oversized(request));
        return;
      }
      try {
        use(chunk);
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
      const rest = slowly(chunk.length);
      if (rest === undefined) return;
      source.pause();
      void rest.then(() => source.resume());
    });
    source.on("end", resolve);
    source.on("error", (error: Error) => {
      reject(source === request ? error : undecodable);
    });
    request.on("error", reject);
    // A client that goes away leaves a decoder waiting for bytes that never come.
    request.on("close", () => {
      if (!request.complete) reject(new Error("the client went away"));
    });
  });
};

const undecodable = invalidRequest(
  "The request body is not valid for its Content-Encoding.",
  "request_body_encoding_invalid",
);

const oversized = (request: IncomingMessage): ApiError =>
  request.headers["content-encoding"] === undefined
    ? tooLarge("Request exceeds the maximum size")
    : tooLarge("Request exceeds the maximum size after decoding", "request_body_too_large_after_decoding");

/** A small body, whole. */
export const readSmallBody = async (request: IncomingMessage, bytesMax: number): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  await readBody(request, bytesMax, (chunk) => chunks.push(chunk));
  const [only] = chunks;
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
};
