// Pauses and stops, and which of the open ones speaks for a piece of work.
//
// A pause means: nothing new starts. A stop is the kill switch of a scope and outranks every pause. Of several that apply the
// widest is named, because it is the one that has to be lifted first. The gate asks this for every call, so the open flags are
// kept by scope and target: six look-ups, however many flags are open.
import { z } from "zod";
import { findModel } from "./models.ts";
import type { GateVerdict, WorkScope } from "./work-scope.ts";

export const flagScopes = ["global", "tenant", "queue", "job_type", "model", "bulk"] as const;
/** What a flag covers, from the widest to the narrowest. */
export type FlagScope = (typeof flagScopes)[number];
export type FlagKind = "pause" | "stop";

export const stopModes = ["drain", "abort", "abort_and_cancel"] as const;
/** What a stop does to what is under way: lets it end, aborts its calls, or also cancels its message batches. */
export type StopMode = (typeof stopModes)[number];

/** An open flag. */
export interface Flag {
  id: string;
  tenantId: string;
  kind: FlagKind;
  scope: FlagScope;
  /** Id of the tenant, queue or bulk, name of the job type or model; empty for global. */
  target: string;
  mode: StopMode | null;
  reason: string;
  setBy: string;
  setAt: Date;
}

/** The open flags, ready to be asked. */
export type OpenFlags = ReadonlyMap<string, Flag>;

/** The stop that a notice carries, or undefined: then it is to be read from the rows, as every other flag. */
export function stopOfNotice(notice: string): Flag | undefined {
  if (notice === "") return undefined;
  const parsed = noticeSchema.safeParse(parseJson(notice));
  return parsed.success ? parsed.data : undefined;
}

const noticeSchema = z
  .object({
    id: z.string(),
    tenant_id: z.string(),
    scope: z.enum(flagScopes),
    target: z.string(),
    mode: z.enum(stopModes).nullable(),
    reason: z.string(),
    set_by: z.string(),
    set_at: z.coerce.date(),
  })
  .transform(({ tenant_id: tenantId, set_by: setBy, set_at: setAt, ...stop }): Flag => {
    return { ...stop, kind: "stop", tenantId, setBy, setAt };
  });

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

const keyOf = (kind: FlagKind, scope: FlagScope, target: string): string => `${kind} ${scope} ${target}`;

export function indexFlags(flags: readonly Flag[]): OpenFlags {
  return new Map(flags.map((flag) => [keyOf(flag.kind, flag.scope, flag.target), flag]));
}

/** The open flag of exactly this scope and target, if there is one. */
export function findFlag(
  open: OpenFlags,
  kind: FlagKind,
  scope: FlagScope,
  target: string,
): Flag | undefined {
  return open.get(keyOf(kind, scope, target));
}

/** Whether work of this scope may start, and if not, because of which flag. */
export function verdictOf(open: OpenFlags, work: WorkScope): GateVerdict {
  if (open.size === 0) return { open: true };
  const flag = firstFlag(open, "stop", work) ?? firstFlag(open, "pause", work);
  if (flag === undefined) return { open: true };
  return { open: false, why: flag.kind, flagId: flag.id, reason: flag.reason };
}

/** The widest open stop that wants calls of this scope aborted. A wider one that lets them end does not speak for it. */
export function abortingStop(open: OpenFlags, work: WorkScope): Flag | undefined {
  if (open.size === 0) return undefined;
  return flagScopes
    .map((scope) => findFlag(open, "stop", scope, targetOf(scope, work)))
    .find((flag) => flag !== undefined && flag.mode !== "drain");
}

/** The least width at which work begins again after a stop, as a share of all. */
const firstWidth = 1 / 20;

/**
 * How much of its full width work gets a while after stops of it were lifted: a twentieth at once, up to all of it in a straight line,
 * so that neither the provider nor whoever lifted them is hit by everything that has gathered. Where it is not known yet which models the
 * lines name (an empty model), work comes back gently after the stop of any.
 */
export function widthAfter(
  lifted: readonly { readonly flag: Pick<Flag, "scope" | "target">; readonly agoMs: number }[],
  work: WorkScope,
  rampMs: number,
): number {
  const widths = lifted
    .filter(
      ({ flag }) =>
        (flag.scope === "model" && work.model === "") || flag.target === targetOf(flag.scope, work),
    )
    .map(({ agoMs }) => Math.min(1, Math.max(firstWidth, agoMs / rampMs)));
  return Math.min(1, ...widths);
}

function firstFlag(open: OpenFlags, kind: FlagKind, work: WorkScope): Flag | undefined {
  for (const scope of flagScopes) {
    const flag = findFlag(open, kind, scope, targetOf(scope, work));
    if (flag !== undefined) return flag;
  }
  return undefined;
}

function targetOf(scope: FlagScope, work: WorkScope): string {
  const targets: Record<FlagScope, string> = {
    global: "",
    tenant: work.tenantId,
    queue: work.queueId,
    job_type: work.jobType,
    // One model has several names: a stop of it covers them all.
    model: findModel(work.model)?.id ?? work.model,
    bulk: work.bulkId,
  };
  return targets[scope];
}
