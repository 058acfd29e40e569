import { z } from "zod";
import { limits } from "../../config/limits.ts";
import {
  type AccessDeps,
  createAccessKey,
  createTenant,
  listAccessKeys,
  listAllTenants,
  requireTenant,
  revokeAccessKey,
} from "../../control/access.ts";
import { holderKinds, mayDo, scopes } from "../../domain/access.ts";
import { ServiceError } from "../../domain/errors.ts";
import { printableText } from "../../intake/line-schema.ts";
import type { KeyRow } from "../../postgres/keys.ts";
import type { Api } from "../api.ts";
import type { Caller } from "../caller.ts";
import { iso } from "../present.ts";
import { defineRoute, type Route } from "../route.ts";
import { idParams, idSchema, keySchema, nameSchema, pageOf, pageQuery, tenantSchema } from "../schemas.ts";

const newKey = z
  .strictObject({
    holder: z.strictObject({ kind: z.enum(holderKinds), name: printableText(200) }),
    scopes: z.array(z.enum(scopes)).min(1).max(scopes.length),
    tenant: nameSchema
      .optional()
      .meta({ description: "For installation keys; default: the tenant acted for." }),
  })
  .meta({ id: "NewKey" });

const createdKey = keySchema
  .extend({ secret: z.string().meta({ description: "Shown this once." }) })
  .omit({ revoked_at: true, revoked_by: true, secret_hint: true })
  .meta({ id: "CreatedKey" });

const accessOf = (api: Api): AccessDeps => ({ pool: api.pool, newId: api.newId });

/** Keys the caller manages: those of the tenant it acts for. */
const managedTenant = (caller: Caller): string => caller.tenantId;

function createKeyRoute(api: Api): Route {
  return defineRoute({
    method: "post",
    path: "/v1/keys",
    name: "createKey",
    tag: "access",
    summary: "Create an API key",
    about: "The secret is in this answer and nowhere else.",
    access: { scope: "admin" },
    body: newKey,
    answers: { 201: { about: "The key, with its secret.", schema: createdKey } },
    errors: [],
    async handle({ body, caller }) {
      const tenant = await tenantOf(api, caller, body.tenant);
      const key = await createAccessKey(accessOf(api), {
        tenantId: tenant.id,
        holderKind: body.holder.kind,
        holderName: body.holder.name,
        scopes: [...new Set(body.scopes)],
        actor: caller.actor,
      });
      api.log.event("key.created", { key: key.id, tenant: tenant.id });
      return {
        status: 201,
        body: {
          id: key.id,
          tenant: tenant.name,
          holder: body.holder,
          scopes: key.scopes,
          secret: key.secret,
          created_by: key.createdBy,
          created_at: iso(key.createdAt),
        },
      };
    },
  });
}

async function tenantOf(
  api: Api,
  caller: Caller,
  name: string | undefined,
): Promise<{ id: string; name: string }> {
  if (name === undefined || name === caller.tenantName)
    return { id: caller.tenantId, name: caller.tenantName };
  if (!caller.installation) throw new ServiceError("not_found", { detail: "There is no such tenant." });
  return requireTenant(accessOf(api), name);
}

function presentKey(row: KeyRow) {
  return {
    id: row.id,
    tenant: row.tenant_name,
    holder: { kind: row.holder_kind, name: row.holder_name },
    scopes: row.scopes,
    secret_hint: row.secret_hint,
    created_by: row.created_by,
    created_at: iso(row.created_at),
    revoked_by: row.revoked_by,
    revoked_at: iso(row.revoked_at),
  };
}

function listKeysRoute(api: Api): Route {
  return defineRoute({
    method: "get",
    path: "/v1/keys",
    name: "listKeys",
    tag: "access",
    summary: "List the API keys of the tenant, newest first",
    access: { scope: "admin" },
    query: z.strictObject({ ...pageQuery, after: idSchema.optional() }),
    answers: { 200: { about: "A page.", schema: pageOf("keys", keySchema) } },
    errors: [],
    async handle({ query, caller }) {
      const page = { after: query.after ?? null, rowsMax: query.limit };
      const rows = await listAccessKeys(accessOf(api), managedTenant(caller), page);
      const next = rows.length === query.limit ? (rows.at(-1)?.id ?? null) : null;
      return { status: 200, body: { keys: rows.map(presentKey), next } };
    },
  });
}

function revokeKeyRoute(api: Api): Route {
  return defineRoute({
    method: "delete",
    path: "/v1/keys/{id}",
    name: "revokeKey",
    tag: "access",
    summary: "Revoke an API key",
    about: `It stops working everywhere within ${limits.keyCacheMs / 1_000} seconds. Revoking it again changes nothing.`,
    access: { scope: "admin" },
    params: idParams,
    answers: { 204: { about: "It is revoked." } },
    errors: [],
    async handle({ params, caller }) {
      // An installation key that acts for nobody reaches every key: whoever lost one should not have to know whose it was.
      const everywhere = caller.installation && mayDo(caller.scopes, "admin");
      const tenantId = everywhere ? null : managedTenant(caller);
      await revokeAccessKey(accessOf(api), params.id, { tenantId, actor: caller.actor });
      api.log.event("key.revoked", { key: params.id });
      return { status: 204 };
    },
  });
}

function createTenantRoute(api: Api): Route {
  return defineRoute({
    method: "post",
    path: "/v1/tenants",
    name: "createTenant",
    tag: "access",
    summary: "Create a tenant",
    access: { scope: "admin", installation: true },
    body: z.strictObject({ name: nameSchema }).meta({ id: "NewTenant" }),
    answers: { 201: { about: "The tenant.", schema: tenantSchema } },
    errors: ["conflict"],
    async handle({ body, caller }) {
      const tenant = await createTenant(accessOf(api), body.name, caller.actor);
      api.log.event("tenant.created", { tenant: tenant.id });
      return { status: 201, body: { id: tenant.id, name: tenant.name, created_at: iso(tenant.createdAt) } };
    },
  });
}

function listTenantsRoute(api: Api): Route {
  return defineRoute({
    method: "get",
    path: "/v1/tenants",
    name: "listTenants",
    tag: "access",
    summary: "List the tenants by name",
    access: { scope: "read", installation: true },
    query: z.strictObject({ ...pageQuery, after: nameSchema.optional() }),
    answers: { 200: { about: "A page.", schema: pageOf("tenants", tenantSchema) } },
    errors: [],
    async handle({ query }) {
      const rows = await listAllTenants(accessOf(api), {
        after: query.after ?? null,
        rowsMax: query.limit,
      });
      const tenants = rows.map(({ id, name, createdAt }) => ({ id, name, created_at: iso(createdAt) }));
      const next = rows.length === query.limit ? (rows.at(-1)?.name ?? null) : null;
      return { status: 200, body: { tenants, next } };
    },
  });
}

export const accessRoutes = (api: Api): Route[] => [
  createKeyRoute(api),
  listKeysRoute(api),
  revokeKeyRoute(api),
  createTenantRoute(api),
  listTenantsRoute(api),
];
