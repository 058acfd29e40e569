// Keys and tenants, as people create and revoke them: by the API and by the command line alike. Every act leaves an audit event
// in its own transaction. A secret exists in full only in the answer to its creation.
import { createHash, randomBytes } from "node:crypto";
import type { HolderKind, Scope } from "../domain/access.ts";
import { ServiceError } from "../domain/errors.ts";
import { installationTenantId } from "../domain/ids.ts";
import { appendAudit } from "../postgres/audit.ts";
import { insertKey, type KeyRow, listKeys, revokeKey } from "../postgres/keys.ts";
import { type Pool, withTransaction } from "../postgres/pool.ts";
import { findTenant, insertTenant, listTenants, type Tenant } from "../postgres/tenants.ts";

export interface AccessDeps {
  readonly pool: Pool;
  readonly newId: () => string;
}

/** How a secret looks: a prefix that scanners for leaked keys can know, and 256 random bits. */
export const secretPattern = /^slk_[A-Za-z0-9_-]{43}$/;
const secretBytes = 32;
const hintChars = 4;

/** What is stored and looked up instead of a secret. */
export function secretSha256(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}

export interface KeyWish {
  readonly tenantId: string;
  readonly holderKind: HolderKind;
  readonly holderName: string;
  readonly scopes: readonly Scope[];
  /** Who creates it. */
  readonly actor: string;
}

export interface CreatedKey extends Omit<KeyWish, "actor"> {
  readonly id: string;
  /** Shown this once. */
  readonly secret: string;
  readonly createdBy: string;
  readonly createdAt: Date;
}

/** Creates a key. */
export async function createAccessKey(deps: AccessDeps, wish: KeyWish): Promise<CreatedKey> {
  const { actor, ...key } = wish;
  const id = deps.newId();
  const secret = `slk_${randomBytes(secretBytes).toString("base64url")}`;
  const createdAt = await withTransaction(deps.pool, async (client) => {
    const at = await insertKey(client, {
      ...key,
      id,
      secretSha256: secretSha256(secret),
      secretHint: secret.slice(-hintChars),
      createdBy: actor,
    });
    await appendAudit(client, {
      tenantId: key.tenantId,
      actor,
      act: "key.created",
      subjectKind: "key",
      subjectId: id,
      detail: { holder_kind: key.holderKind, holder_name: key.holderName, scopes: key.scopes },
    });
    return at;
  });
  return { ...key, id, secret, createdBy: actor, createdAt };
}

/** Keys of one tenant, or of all (null), newest first. */
export function listAccessKeys(
  deps: AccessDeps,
  tenantId: string | null,
  page: { after: string | null; rowsMax: number },
): Promise<KeyRow[]> {
  return listKeys(deps.pool, tenantId, page);
}

/**
 * Revokes a key of one tenant, or of any (null). Revoking it again changes nothing.
 * @throws ServiceError not_found
 */
export async function revokeAccessKey(
  deps: AccessDeps,
  id: string,
  by: { tenantId: string | null; actor: string },
): Promise<void> {
  await withTransaction(deps.pool, async (client) => {
    const revoked = await revokeKey(client, id, by);
    if (revoked === undefined) throw new ServiceError("not_found");
    if (!revoked.now) return;
    await appendAudit(client, {
      tenantId: revoked.tenantId,
      actor: by.actor,
      act: "key.revoked",
      subjectKind: "key",
      subjectId: id,
    });
  });
}

/**
 * Creates a tenant.
 * @throws ServiceError conflict if the name is taken
 */
export async function createTenant(deps: AccessDeps, name: string, actor: string): Promise<Tenant> {
  return withTransaction(deps.pool, async (client) => {
    const tenant = await insertTenant(client, { id: deps.newId(), name });
    if (tenant === undefined)
      throw new ServiceError("conflict", { detail: "There is a tenant of that name." });
    await appendAudit(client, {
      tenantId: installationTenantId,
      actor,
      act: "tenant.created",
      subjectKind: "tenant",
      subjectId: tenant.id,
      detail: { name },
    });
    return tenant;
  });
}

/** Tenants by name, the installation's own among them. */
export function listAllTenants(
  deps: AccessDeps,
  page: { after: string | null; rowsMax: number },
): Promise<Tenant[]> {
  return listTenants(deps.pool, page);
}

/** @throws ServiceError not_found */
export async function requireTenant(deps: AccessDeps, name: string): Promise<Tenant> {
  const tenant = await findTenant(deps.pool, name);
  if (tenant === undefined) throw new ServiceError("not_found", { detail: "There is no such tenant." });
  return tenant;
}
