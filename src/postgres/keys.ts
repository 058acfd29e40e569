// API keys. Secrets never get here, only their SHA-256.
import { type HolderKind, isScope, type Scope } from "../domain/access.ts";
import type { Client, Database } from "./pool.ts";
import { query, queryOne, type RowOf } from "./query.ts";

const findRow = queryOne("keys/find-by-secret");
const insertRow = queryOne("keys/insert");
const listRows = query("keys/list");
const revokeRow = queryOne("keys/revoke");

export interface KeyInForce {
  readonly id: string;
  readonly tenantId: string;
  readonly tenantName: string;
  readonly holderKind: HolderKind;
  readonly holderName: string;
  readonly scopes: readonly Scope[];
}

/** The key in force behind a secret. */
export async function findKeyInForce(
  database: Database,
  secretSha256: Buffer,
): Promise<KeyInForce | undefined> {
  const row = await findRow(database, [secretSha256]);
  if (row === undefined) return undefined;
  return {
    id: row.id,
    tenantId: row.tenant_id,
    tenantName: row.tenant_name,
    holderKind: row.holder_kind,
    holderName: row.holder_name,
    scopes: row.scopes.filter(isScope),
  };
}

export interface NewKey {
  readonly id: string;
  readonly tenantId: string;
  readonly holderKind: HolderKind;
  readonly holderName: string;
  readonly scopes: readonly Scope[];
  readonly secretSha256: Buffer;
  /** The last characters of the secret, to tell keys apart. */
  readonly secretHint: string;
  readonly createdBy: string;
}

/** Creates a key and answers when. */
export async function insertKey(client: Client, key: NewKey): Promise<Date> {
  const row = await insertRow(client, [
    key.id,
    key.tenantId,
    key.holderKind,
    key.holderName,
    key.scopes,
    key.secretSha256,
    key.secretHint,
    key.createdBy,
  ]);
  if (row === undefined) throw new Error("keys/insert returned no row");
  return row.created_at;
}

export type KeyRow = RowOf<"keys/list">;

/** Keys of one tenant, or of all (null), newest first, revoked ones too. */
export async function listKeys(
  database: Database,
  tenantId: string | null,
  page: { after: string | null; rowsMax: number },
): Promise<KeyRow[]> {
  return (await listRows(database, [tenantId, page.after, page.rowsMax])).rows;
}

/** Revokes a key of one tenant, or of any (null); undefined if there is none. `now`: it was in force until this moment. */
export async function revokeKey(
  client: Client,
  id: string,
  by: { tenantId: string | null; actor: string },
): Promise<{ tenantId: string; now: boolean } | undefined> {
  const row = await revokeRow(client, [id, by.tenantId, by.actor]);
  return row === undefined ? undefined : { tenantId: row.tenant_id, now: row.now };
}
