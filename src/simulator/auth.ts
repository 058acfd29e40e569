/** Who is asking, and under which version of the API. */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { ApiError, invalidRequest } from "./api-error.ts";
import type { Settings } from "./options.ts";
import type { ApiVersion, Identity } from "./world.ts";

const isVersion = (value: unknown): value is ApiVersion => value === "2023-06-01" || value === "2026-10-21";

const hashes = new Map<string, string>();
const hashesMax = 10_000;

/** The first 12 hex digits of the key's SHA-256: enough to tell keys apart in a log, no use to anybody else. */
const hashKey = (key: string): string => {
  const known = hashes.get(key);
  if (known !== undefined) return known;
  if (hashes.size >= hashesMax) hashes.clear();
  const hash = createHash("sha256").update(key).digest("hex").slice(0, 12);
  hashes.set(key, hash);
  return hash;
};

/** The key of a request, from either header; empty without one. */
export const keyOf = (request: IncomingMessage): string => {
  const own = request.headers["x-api-key"];
  if (typeof own === "string" && own !== "") return own;
  const bearer = /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? "");
  return bearer?.[1] ?? "";
};

const refuse = (message: string): ApiError =>
  new ApiError({ status: 401, type: "authentication_error", message });

/** A key from either header. Keys that begin with `sk-ant-bad` are always refused. */
export const identify = (request: IncomingMessage, settings: Settings): Identity => {
  const key = keyOf(request);
  const keyHash = hashKey(key);
  const workspace = settings.workspaces[key] ?? `wrkspc_${keyHash}`;
  if (!settings.strict) return { keyHash, workspace: "wrkspc_lenient" };
  if (key === "") throw refuse("x-api-key header is required");
  if (key.startsWith("sk-ant-bad") || (settings.keys !== null && !settings.keys.has(key)))
    throw refuse("invalid x-api-key");
  const asked = request.headers["anthropic-workspace-id"];
  if (typeof asked === "string" && asked !== workspace) {
    throw new ApiError({
      status: 403,
      type: "permission_error",
      message: "The API key does not belong to the requested workspace.",
    });
  }
  return { keyHash, workspace };
};

export const apiVersionOf = (request: IncomingMessage, settings: Settings): ApiVersion => {
  const version = request.headers["anthropic-version"];
  if (isVersion(version)) return version;
  if (!settings.strict) return "2026-10-21";
  if (version === undefined) throw invalidRequest("anthropic-version: header is required");
  throw invalidRequest(`anthropic-version: "${String(version)}" is not a valid version.`);
};
