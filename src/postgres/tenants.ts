// Tenants: who the work and the money belong to.
import type { Database } from "./pool.ts";
import { query, queryOne } from "./query.ts";

const insertRow = queryOne("tenants/insert");
const findRow = queryOne("tenants/find");
const listRows = query("tenants/list");

export interface Tenant {
  readonly id: string;
  readonly name: string;
  readonly createdAt: Date;
}

/** Creates a tenant; undefined if the name is taken. */
export async function insertTenant(
  database: Database,
  tenant: { id: string; name: string },
): Promise<Tenant | undefined> {
  const row = await insertRow(database, [tenant.id, tenant.name]);
  return row === undefined ? undefined : { ...tenant, createdAt: row.created_at };
}

export async function findTenant(database: Database, name: string): Promise<Tenant | undefined> {
  const row = await findRow(database, [name]);
  return row === undefined ? undefined : { id: row.id, name: row.name, createdAt: row.created_at };
}

/** Tenants by name. */
export async function listTenants(
  database: Database,
  page: { after: string | null; rowsMax: number },
): Promise<Tenant[]> {
  const { rows } = await listRows(database, [page.after, page.rowsMax]);
  return rows.map((row) => ({ id: row.id, name: row.name, createdAt: row.created_at }));
}
