// What a stop is aimed at, from the names that people use to those that work carries. A name that nothing has is refused: a stop
// that covers nothing would look like one that works.
import { ServiceError, type ErrorCode } from "../domain/errors.ts";
import type { FlagScope } from "../domain/flag.ts";
import { findModel } from "../domain/models.ts";
import type { Database } from "../postgres/pool.ts";
import { findTarget } from "../postgres/stops.ts";

export interface NamedTarget {
  readonly scope: FlagScope;
  /** Name of a tenant, queue, job type or model, id of a bulk; nothing for global. */
  readonly name: string | undefined;
  /** Whose queue or bulk; null: anybody's, which finds bulks only. */
  readonly tenantId: string | null;
}

const unknown: Record<Exclude<FlagScope, "global">, readonly [ErrorCode, string]> = {
  tenant: ["not_found", "There is no such tenant."],
  queue: ["queue_not_found", "There is no queue of that name here."],
  job_type: ["type_not_found", "No job type of that name was ever registered."],
  model: ["not_found", "No model of that name has a known price, so no work can name it."],
  bulk: ["not_found", "There is no such bulk."],
};

/** @throws ServiceError invalid_input | not_found | queue_not_found | type_not_found */
export async function resolveTarget(
  database: Database,
  { scope, name, tenantId }: NamedTarget,
): Promise<string> {
  if (scope === "global") {
    if (name !== undefined) throw badTarget("must be left out: a global stop covers everything");
    return "";
  }
  if (name === undefined || name === "") throw badTarget(`is required with the scope ${scope}`);
  const found = scope === "model" ? findModel(name)?.id : await findTarget(database, scope, name, tenantId);
  if (found !== undefined) return found;
  const [code, detail] = unknown[scope];
  throw new ServiceError(code, { detail });
}

const badTarget = (reason: string): ServiceError =>
  new ServiceError("invalid_input", { fields: [{ field: "target", reason }] });
