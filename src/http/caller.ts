// Who is asking. Keys are looked up by their hash; an answer is believed for a few seconds, so a revoked key stops working within
// that time and a busy caller costs one look-up now and then. An unknown key is never remembered: a new one works at once.
//
// An installation key acts as the installation itself, or, with the header `Sluice-Tenant: <name>`, for that tenant, whose things
// it then sees and nobody else's. Any other key may name its own tenant there and no other.
import type { Request } from "express";
import { z } from "zod";
import { limits } from "../config/limits.ts";
import { requireTenant, secretPattern, secretSha256, type AccessDeps } from "../control/access.ts";
import { mayDo, type Scope } from "../domain/access.ts";
import type { Clock } from "../domain/clock.ts";
import { ServiceError } from "../domain/errors.ts";
import { installationTenantId } from "../domain/ids.ts";
import { findKeyInForce, type KeyInForce } from "../postgres/keys.ts";

export interface Caller {
  readonly keyId: string;
  /** The tenant it acts for. */
  readonly tenantId: string;
  readonly tenantName: string;
  /** The key belongs to the installation, whoever it acts for now. */
  readonly installation: boolean;
  /** As it stands in audit events and `created_by`: `person:Ada`. */
  readonly actor: string;
  readonly scopes: readonly Scope[];
}

/** What a route demands. `open` needs no key. */
export type Access = "open" | { readonly scope: Scope; readonly installation?: true };

const bearer = z.string().regex(/^Bearer +\S+$/i);
const tenantHeader = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/);

export type Authenticate = (request: Request, access: Exclude<Access, "open">) => Promise<Caller>;

/**
 * Builds the check of a request against what its route demands.
 * The check throws ServiceError unauthorized | forbidden_scope | invalid_header | not_found (no such tenant).
 */
export function createAuthenticate(deps: AccessDeps & { readonly clock: Clock }): Authenticate {
  const findKey = cachedKeys(deps);
  return async (request, access) => {
    const secret = secretOf(request.get("authorization"));
    const key = secret === null ? undefined : await findKey(secretSha256(secret));
    if (key === undefined) throw new ServiceError("unauthorized");
    if (!mayDo(key.scopes, access.scope))
      throw new ServiceError("forbidden_scope", { detail: `This needs the scope ${access.scope}.` });
    const installation = key.tenantId === installationTenantId;
    if (access.installation === true && !installation)
      throw new ServiceError("forbidden_scope", { detail: "This needs a key of the installation." });
    const tenant = await tenantFor(deps, key, request.get("sluice-tenant"));
    return {
      keyId: key.id,
      tenantId: tenant.id,
      tenantName: tenant.name,
      installation,
      actor: `${key.holderKind}:${key.holderName}`,
      scopes: key.scopes,
    };
  };
}

function secretOf(header: string | undefined): string | null {
  if (!bearer.safeParse(header).success) return null;
  const secret = header?.slice("Bearer".length).trim() ?? "";
  return secretPattern.test(secret) ? secret : null;
}

async function tenantFor(
  deps: AccessDeps,
  key: KeyInForce,
  header: string | undefined,
): Promise<{ id: string; name: string }> {
  if (header === undefined || header === key.tenantName) return { id: key.tenantId, name: key.tenantName };
  if (!tenantHeader.safeParse(header).success)
    throw new ServiceError("invalid_header", {
      fields: [{ field: "Sluice-Tenant", reason: "must be the name of a tenant" }],
    });
  // To a tenant's key every other tenant is unknown, whether it exists or not.
  if (key.tenantId !== installationTenantId)
    throw new ServiceError("not_found", { detail: "There is no such tenant." });
  return requireTenant(deps, header);
}

function cachedKeys(
  deps: AccessDeps & { readonly clock: Clock },
): (sha256: Buffer) => Promise<KeyInForce | undefined> {
  const cache = new Map<string, { key: KeyInForce; untilMs: number }>();
  return async (sha256) => {
    const name = sha256.toString("base64");
    const known = cache.get(name);
    if (known !== undefined && known.untilMs > deps.clock.monotonicMs()) return known.key;
    cache.delete(name);
    const askedMs = deps.clock.monotonicMs();
    const key = await findKeyInForce(deps.pool, sha256);
    if (key === undefined) return undefined;
    if (cache.size >= limits.keyCacheEntriesMax) cache.delete(cache.keys().next().value ?? "");
    cache.set(name, { key, untilMs: askedMs + limits.keyCacheMs });
    return key;
  };
}
