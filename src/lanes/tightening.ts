// What makes holds smaller in this process: whether counts are used, and the caps in force, read again every second where some job
// type asks for them. A cap that is a second old is as good as a new one: it is chosen once an attempt, held and sent as chosen.

import type { Config } from "../config/config.ts";
import type { JobTypes } from "../config/job-types.ts";
import { limits } from "../config/limits.ts";
import { errorFields } from "../observe/error-fields.ts";
import type { Log } from "../observe/log.ts";
import type { Database } from "../postgres/pool.ts";
import { readCaps } from "../postgres/right-sizes.ts";
import type { Tightening } from "../postgres/tight-bounds.ts";

export interface TighteningDeps {
  readonly database: Database;
  readonly jobTypes: JobTypes;
  readonly config: Pick<Config, "countTokens" | "callTimeoutMs">;
  readonly log: Log;
}

export interface FollowedTightening extends Tightening {
  /** Reads the caps now. */
  refresh(): Promise<void>;
  stop(): void;
}

export async function followTightening(deps: TighteningDeps): Promise<FollowedTightening> {
  const { database, jobTypes, config, log } = deps;
  const asking = new Set([...jobTypes.values()].filter((type) => type.rightSize).map((type) => type.name));
  let caps: ReadonlyMap<string, number> = new Map();

  const refresh = async (): Promise<void> => {
    const rows = await readCaps(database);
    caps = new Map(rows.map((row) => [`${row.job_type} ${row.prompt_version} ${row.model}`, row.cap]));
  };
  const noteFault = (error: unknown): void =>
    log.event("sweep.failed", { sweep: "caps", ...errorFields(error) });

  let timer: NodeJS.Timeout | undefined;
  if (asking.size > 0) {
    await refresh();
    timer = setInterval(() => void refresh().catch(noteFault), limits.capsEveryMs);
    timer.unref();
  }
  return {
    useCounts: config.countTokens === "when_bound",
    capOf: (jobType, promptVersion, model) => {
      if (!asking.has(jobType)) return null;
      const cap = caps.get(`${jobType} ${promptVersion} ${model}`);
      if (cap === undefined) return null;
      return { cap, callTimeoutMs: jobTypes.get(jobType)?.callTimeoutMs ?? config.callTimeoutMs };
    },
    refresh,
    stop: () => clearInterval(timer),
  };
}
