// The body of a request: decoded, bounded, hashed on the way. It is read once, as a stream; nothing here holds it whole except
// `readJson`, whose size is bounded by its own limit.
//
// A caller may leave half way. Then the socket closes before the announced or chunked end, and reading throws
// `upload_incomplete`: nothing that came before it may be kept.
import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { Request } from "express";
import { limits } from "../config/limits.ts";
import { ServiceError } from "../domain/errors.ts";
import { isNestedDeeper } from "../domain/json-value.ts";

export interface Body {
  /** The media type without parameters, lower case; empty if none was given. */
  readonly mediaType: string;
  /** The decoded bytes; may be read once. */
  chunks(): AsyncGenerator<Buffer>;
  /** They have been read to their end. */
  wasRead(): boolean;
  /** Of everything read so far together with what the body was opened with. */
  sha256(): Buffer;
  /** Of everything read so far, whatever route and query it came by. */
  contentSha256(): Buffer;
}

interface BodyOptions {
  readonly bytesMax: number;
  /** What beside its bytes makes a request the same as another: method, route, query. */
  readonly fingerprint: string;
  /** How a body that is too large is refused: by the limit that it breaks. */
  readonly tooLarge?: "upload_too_large" | "line_too_long" | undefined;
}

/**
 * Opens the body of a request.
 * @throws ServiceError unsupported_encoding | upload_too_large (or line_too_long); reading also upload_incomplete
 */
export function openBody(request: Request, options: BodyOptions): Body {
  const { bytesMax } = options;
  const tooLarge = (): ServiceError =>
    new ServiceError(options.tooLarge ?? "upload_too_large", {
      detail: `At most ${bytesMax} bytes are accepted here.`,
    });
  const mediaType = mediaTypeOf(request);
  const gzip = isGzip(request);
  if (!gzip && Number(request.get("content-length") ?? 0) > bytesMax) throw tooLarge();
  const digest = createHash("sha256").update(`${mediaType}\n`);
  const contentSha256 = (): Buffer => digest.copy().digest();
  const sha256 = (): Buffer =>
    createHash("sha256").update(`${options.fingerprint}\n`).update(contentSha256()).digest();
  let read = false;
  async function* chunks(): AsyncGenerator<Buffer> {
    let bytes = 0;
    for await (const chunk of decoded(request, gzip)) {
      bytes += chunk.length;
      if (bytes > bytesMax) throw tooLarge();
      digest.update(chunk);
      yield chunk;
    }
    if (!request.complete) throw new ServiceError("upload_incomplete");
    read = true;
  }
  return { mediaType, chunks, wasRead: () => read, sha256, contentSha256 };
}

/** The media type of the body without its parameters; empty if there is none. */
export const mediaTypeOf = (request: Request): string =>
  (request.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";

function isGzip(request: Request): boolean {
  const encoding = (request.get("content-encoding") ?? "identity").trim().toLowerCase();
  if (encoding !== "identity" && encoding !== "gzip" && encoding !== "x-gzip")
    throw new ServiceError("unsupported_encoding", { field: "Content-Encoding" });
  return encoding !== "identity";
}

async function* decoded(request: Request, gzip: boolean): AsyncGenerator<Buffer> {
  // Leaving early must not close the connection, or the reason could not be told to the caller any more.
  const staysOpen = { destroyOnReturn: false };
  const source: Readable = gzip ? unzipped(request) : request;
  const idle = setTimeout(() => request.destroy(), limits.bodyIdleTimeoutMs);
  try {
    for await (const chunk of source.iterator(staysOpen)) {
      const bytes: Buffer = chunk;
      idle.refresh();
      yield bytes;
    }
  } catch (error) {
    throw bodyFault(error);
  } finally {
    clearTimeout(idle);
    if (gzip) {
      request.unpipe();
      source.destroy();
    }
  }
}

function unzipped(request: Request): Readable {
  // As large as a chunk of the socket: fewer turns for the same bytes.
  const gunzip = createGunzip({ chunkSize: 65_536 });
  request.once("error", (error) => gunzip.destroy(error));
  request.once("close", () => {
    if (!request.complete) gunzip.destroy(new ServiceError("upload_incomplete"));
  });
  return request.pipe(gunzip);
}

function bodyFault(error: unknown): unknown {
  if (error instanceof ServiceError) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "Z_BUF_ERROR" || code === "ECONNRESET" || code === "ERR_STREAM_PREMATURE_CLOSE")
    return new ServiceError("upload_incomplete", { cause: error });
  if (code.startsWith("Z_"))
    return new ServiceError("unsupported_encoding", { detail: "The body is not valid gzip.", cause: error });
  return error;
}

/** Reads a body for its hash only; nothing if it has been read. */
export async function drain(body: Body): Promise<void> {
  if (body.wasRead()) return;
  for await (const chunk of body.chunks()) void chunk;
}

/**
 * Reads a body whole as JSON; undefined if it is empty.
 * @throws ServiceError invalid_json, and what reading throws
 */
export async function readJson(body: Body): Promise<unknown> {
  const parts: Buffer[] = [];
  for await (const chunk of body.chunks()) parts.push(chunk);
  const bytes = Buffer.concat(parts);
  if (bytes.length === 0) return undefined;
  if (!isUtf8(bytes)) throw new ServiceError("invalid_json", { detail: "The body is not valid UTF-8." });
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8").replace(/^\ufeff/, ""));
  } catch {
    // The engine's message quotes the text, so it is neither kept nor shown.
    throw new ServiceError("invalid_json");
  }
  // The jobs of a bulk stand two levels deep and may be as deep as a line.
  if (isNestedDeeper(value, limits.jsonDepthMax + 3))
    throw new ServiceError("invalid_json", { detail: `The body is nested too deeply.` });
  return value;
}
