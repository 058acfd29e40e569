// The stop of a schedule: pulled in the middle of a run, often right after a process was killed or frozen, through the API or by the
// command while the API is dead, and lifted when its receipt is complete or after a while.

import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { documentOf, run } from "../cli/cli.ts";
import type { Ran } from "../cli/cli.ts";
import { waitFor } from "../support/wait.ts";
import { jobTypeName } from "./arena.ts";
import { untilAnswered } from "./callers.ts";
import type { AcceptedBulk, Wanted } from "./callers.ts";
import type { Field } from "./field.ts";
import { strike } from "./inflict.ts";
import type { PlannedStop } from "./plan.ts";

export interface PulledStop {
  readonly planned: PlannedStop;
  readonly id: string;
  /** When whoever pulled it was told so: it was committed by then. */
  readonly toldMs: number;
  /** Until its receipt was complete; null if it was lifted before. */
  readonly completeAfterMs: number | null;
}

const receipt = z.object({ id: z.string() });
/** A frozen process goes on after three leases, a killed one's lease ends, a call in flight has its deadline. */
const completeWithinMs = 15_000;
/** For so long everybody could start something while it is complete, and must not. */
const quietMs = 500;
const commandGivesUpMs = 20_000;
/** What `sluice stop` ends with: it is complete, or in force and not complete. */
const done: ReadonlySet<number> = new Set([0, 8]);

/** Resolves when it is lifted again. @throws Error when it does not become complete in time; it is lifted all the same */
export async function pullStop(
  field: Field,
  planned: PlannedStop,
  bulks: readonly Promise<AcceptedBulk>[],
): Promise<PulledStop> {
  await sleep(planned.atMs);
  const bulk = planned.scope === "bulk" ? ((await bulks[planned.bulk])?.id ?? "") : "";
  if (planned.blow !== null) await strike(planned.blow, field);
  if (planned.by === "command") await strike({ process: "api", blow: "kill" }, field);
  const id = await set(field, planned, bulk);
  const toldMs = Date.now();
  if (planned.liftedAfterMs !== null) {
    await sleep(planned.liftedAfterMs);
    await lift(field, planned, id);
    return { planned, id, toldMs, completeAfterMs: null };
  }
  const complete = await waitFor("the stop to be complete", () => isComplete(field, id), {
    timeoutMs: completeWithinMs,
    everyMs: 30,
  }).catch(() => false);
  const completeAfterMs = Date.now() - toldMs;
  if (complete) await sleep(quietMs);
  const shown = complete ? "" : (await command(field, ["stops", "show", id])).stdout;
  await lift(field, planned, id);
  if (!complete) throw new Error(`a stop was not complete after ${completeWithinMs} ms: ${shown}`);
  return { planned, id, toldMs, completeAfterMs };
}

async function isComplete({ db }: Field, id: string): Promise<boolean> {
  const { rows } = await db.query<{ complete: boolean }>(
    "SELECT completed_at IS NOT NULL AS complete FROM stops WHERE id = $1",
    [id],
  );
  return rows[0]?.complete === true;
}

async function set(field: Field, planned: PlannedStop, bulk: string): Promise<string> {
  const { scope, mode } = planned;
  const reason = "torture";
  if (planned.by === "command") {
    const ran = await command(field, [
      "stop",
      ...argumentsOf(field, planned, bulk),
      "--mode",
      mode,
      "--wait-s",
      "0",
    ]);
    return receipt.parse(documentOf(ran)).id;
  }
  const target = targetOf(field, planned, bulk);
  const body = { scope, mode, reason, ...(target !== null && { target }) };
  return receipt.parse(await ask(field, planned, "/v1/stops", body)).id;
}

async function lift(field: Field, planned: PlannedStop, id: string): Promise<void> {
  if (planned.by === "command") await command(field, ["lift", id]);
  else await ask(field, planned, `/v1/stops/${id}/lift`, { reason: "torture" });
}

function ask({ apiUrl, arena, schedule }: Field, planned: PlannedStop, path: string, body: object) {
  const everybodys = planned.scope === "global" || planned.scope === "job_type" || planned.scope === "model";
  const ofBulk = planned.scope === "bulk" ? schedule.bulks[planned.bulk]?.queue : undefined;
  const wanted: Wanted = {
    path,
    headers: { "content-type": "application/json" },
    owner: everybodys ? arena.operatorKey : arena.queues[ofBulk ?? planned.queue].key,
    body: () => JSON.stringify(body),
  };
  return untilAnswered({ url: apiUrl, arena, seed: schedule.seed }, wanted);
}

/** Runs a command of the operator until it has done its work: the database may be away just now. */
async function command(field: Field, argv: readonly string[]): Promise<Ran> {
  const reason = argv[0] === "stops" ? [] : ["--reason", "torture"];
  let last: Ran | undefined;
  return waitFor(
    `sluice ${argv.join(" ")}`,
    async () => {
      last = await run([...argv, ...reason, "--json"], { environment: field.operatorEnvironment });
      if (!done.has(last.code)) throw new Error(`it ended with ${last.code}: ${last.stdout}${last.stderr}`);
      return last;
    },
    { timeoutMs: commandGivesUpMs, everyMs: 100 },
  );
}

function targetOf({ arena }: Field, { scope, queue }: PlannedStop, bulk: string): string | null {
  const [tenant = "", name = ""] = queue.split("/");
  switch (scope) {
    case "global":
      return null;
    case "tenant":
      return tenant;
    case "queue":
      return name;
    case "job_type":
      return jobTypeName;
    case "model":
      return arena.model;
    case "bulk":
      return bulk;
    default:
      return scope satisfies never;
  }
}

function argumentsOf(field: Field, planned: PlannedStop, bulk: string): string[] {
  const target = targetOf(field, planned, bulk);
  if (target === null) return ["--all"];
  if (planned.scope === "queue") return ["--queue", target, "--tenant", planned.queue.split("/")[0] ?? ""];
  return [planned.scope === "job_type" ? "--type" : `--${planned.scope}`, target];
}
