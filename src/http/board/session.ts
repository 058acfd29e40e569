// Who is signed in. The session is a signed cookie and nothing else: it names the key by its hash, and the key is looked up on
// every request, so that a revoked key is signed out at once and no session has to be remembered anywhere. The cookie is
// readable by its owner; a SHA-256 of 256 random bits tells nothing about them.
import { randomBytes } from "node:crypto";
import { chmod, mkdir, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import cookieSession from "cookie-session";
import type { Request, RequestHandler } from "express";
import { limits } from "../../config/limits.ts";
import { secretPattern, secretSha256 } from "../../control/access.ts";
import { mayDo } from "../../domain/access.ts";
import type { Clock } from "../../domain/clock.ts";
import { installationTenantId } from "../../domain/ids.ts";
import { findKeyInForce } from "../../postgres/keys.ts";
import type { Database } from "../../postgres/pool.ts";

export interface SignedIn {
  readonly actor: string;
  /** May press buttons; otherwise only look. */
  readonly mayOperate: boolean;
}

interface SessionDeps {
  readonly database: Database;
  readonly clock: Clock;
}

const secretBytes = 32;

/** The secret that signs cookies: the configured one, or one made once in the data directory, readable by this user only. */
export async function sessionSecret(configured: string | undefined, dataDir: string): Promise<string> {
  if (configured !== undefined) return configured;
  const path = join(dataDir, "session-secret");
  await mkdir(dataDir, { recursive: true });
  try {
    const file = await open(path, "wx", 0o600);
    await file.writeFile(randomBytes(secretBytes).toString("base64url"));
    await file.close();
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
  await chmod(path, 0o600);
  const secret = await readFile(path, "utf8");
  // Another process made it a moment ago and is still writing.
  return secret.length >= secretBytes ? secret : sessionSecret(configured, dataDir);
}

/** Reads and writes the cookie: for these pages only, for this site only, unreadable to scripts. */
export function sessionCookie(secret: string, options: { path: string; secure: boolean }): RequestHandler {
  const session = cookieSession({
    name: "sluice_board",
    keys: [secret],
    maxAge: limits.sessionMs,
    httpOnly: true,
    sameSite: "strict",
    path: options.path,
    secure: options.secure,
  });
  return (request, response, next) => {
    // TLS ends at a proxy, and a secure cookie is not set for what looks like plain http.
    if (options.secure) Object.defineProperty(request, "protocol", { value: "https", configurable: true });
    session(request, response, next);
  };
}

/** Signs in with an installation key that may at least read. False: no such key. */
export async function signIn(deps: SessionDeps, request: Request, secret: string): Promise<boolean> {
  if (!secretPattern.test(secret)) return false;
  const hash = secretSha256(secret);
  if ((await signedInBy(deps, hash)) === undefined) return false;
  request.session = {
    key: hash.toString("base64url"),
    untilMs: deps.clock.now().getTime() + limits.sessionMs,
  };
  return true;
}

/** Who sends this request, if the session still stands and its key is still in force. */
export async function signedIn(deps: SessionDeps, request: Request): Promise<SignedIn | undefined> {
  const key: unknown = request.session?.["key"];
  const untilMs: unknown = request.session?.["untilMs"];
  if (typeof key !== "string" || typeof untilMs !== "number" || untilMs < deps.clock.now().getTime())
    return undefined;
  return signedInBy(deps, Buffer.from(key, "base64url"));
}

async function signedInBy({ database }: SessionDeps, hash: Buffer): Promise<SignedIn | undefined> {
  const key = await findKeyInForce(database, hash);
  if (key === undefined || key.tenantId !== installationTenantId || !mayDo(key.scopes, "read"))
    return undefined;
  return { actor: `${key.holderKind}:${key.holderName}`, mayOperate: mayDo(key.scopes, "operate") };
}

/**
 * Whether a request that changes something comes from our own pages. Browsers say so in one of two headers on every such
 * request and pages cannot forge them; a client that sends neither is no browser and carries nobody's cookie by accident.
 */
export function isSameOrigin(request: Request, publicUrl: string | undefined): boolean {
  const site = request.get("sec-fetch-site");
  if (site !== undefined) return site === "same-origin";
  const origin = request.get("origin");
  if (origin === undefined) return true;
  if (!URL.canParse(origin)) return false;
  const hosts = [request.get("host"), publicUrl === undefined ? undefined : new URL(publicUrl).host];
  return hosts.includes(new URL(origin).host);
}

/** Counts tries per address in windows of a minute; a bounded number of addresses is remembered. */
export class TryCounter {
  readonly #clock: Clock;
  readonly #tries = new Map<string, { count: number; untilMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** False: this address has tried too often. */
  take(address: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    const known = this.#tries.get(address);
    const current =
      known !== undefined && known.untilMs > nowMs ? known : { count: 0, untilMs: nowMs + 60_000 };
    current.count += 1;
    this.#tries.delete(address);
    this.#tries.set(address, current);
    const oldest = this.#tries.keys().next().value;
    if (this.#tries.size > limits.keyCacheEntriesMax && oldest !== undefined) this.#tries.delete(oldest);
    return current.count <= limits.signInsPerMinuteMax;
  }
}
