// sluice alerts: what Sluice wanted somebody to know, and whether it gets out.
import { setTimeout as sleep } from "node:timers/promises";
import { type Command, Option } from "commander";
import { z } from "zod";
import { alertKinds, alertStates } from "../../domain/alert.ts";
import { parseAnswer } from "../bulk-status.ts";
import type { Client } from "../client.ts";
import { type Context, forService, type ServiceOptions } from "../context.ts";
import { CliError, exitCodes } from "../exit-codes.ts";
import { cliLimits } from "../limits.ts";
import { instant, listing } from "../output.ts";
import { sluice } from "../typed.ts";

export function addAlertCommands(program: Command, context: Context): void {
  const alerts = program.command("alerts").description("what happened that a person should know of");
  addAlertList(alerts, context);
  addAlertTest(alerts, context);
}

const alertSchema = z.object({
  id: z.string(),
  kind: z.string(),
  severity: z.string(),
  title: z.string(),
  next_step: z.string(),
  owner: z.string(),
  tenant: z.string(),
  at: z.string(),
  state: z.string(),
  tries: z.number(),
  last_error: z.string().nullable(),
});
type ShownAlert = z.infer<typeof alertSchema>;
const pageSchema = z.object({ alerts: z.array(alertSchema), next: z.string().nullable() });

interface ListOptions extends ServiceOptions {
  readonly state?: string;
  readonly kind?: string;
  readonly limit: string;
}

function addAlertList(alerts: Command, context: Context): void {
  forService(alerts.command("list"))
    .description("list alerts, the newest first; with --installation those of all tenants")
    .addOption(new Option("--state <state>", "only those").choices(alertStates))
    .addOption(new Option("--kind <kind>", "only those").choices(alertKinds))
    .option("--limit <n>", "how many", String(cliLimits.alertsShown))
    .action(async (options: ListOptions) => {
      const client = await context.service(options);
      const { state, kind, limit } = options;
      const answer = await client.request("GET", "/v1/alerts", { query: { state, kind, limit } });
      const page = parseAnswer(pageSchema, answer, client.url);
      context.print(options, page, () =>
        listing(
          ["AT (UTC)", "SEVERITY", "STATE", "TENANT", "OWNER", "WHAT"],
          page.alerts.map(rowOf),
          state === undefined && kind === undefined
            ? `No alerts. Whether one would reach you: ${sluice} alerts test`
            : "No such alerts.",
        ),
      );
    });
}

const rowOf = (alert: ShownAlert) => [
  instant(alert.at),
  alert.severity,
  alert.last_error === null ? alert.state : `${alert.state} (${alert.last_error})`,
  alert.tenant,
  alert.owner,
  alert.title,
];

function addAlertTest(alerts: Command, context: Context): void {
  forService(alerts.command("test"))
    .description(
      "send a test alert the whole way and say whether it was taken; uses the installation's first key",
    )
    .action(async (options: ServiceOptions) => {
      const client = await context.service(options, "installation");
      const raised = parseAnswer(alertSchema, await client.request("POST", "/v1/alerts/test"), client.url);
      const end = await followAlert(client, raised);
      if (end.state !== "delivered" && end.state !== "logged") throw notTaken(end);
      context.print(options, end, () =>
        end.state === "delivered"
          ? `The webhook took test alert ${end.id}.`
          : `Test alert ${end.id} is a line of the log and no more: ALERT_WEBHOOK_URL is not set.`,
      );
    });
}

/** Until it was taken or logged, a try of it failed, or nobody has tried it in time. */
async function followAlert(client: Client, raised: ShownAlert): Promise<ShownAlert> {
  const untilMs = performance.now() + cliLimits.alertPatienceMs;
  let alert = raised;
  // oxlint-disable no-await-in-loop -- one look after the other
  while (alert.state === "pending" && alert.last_error === null && performance.now() < untilMs) {
    await sleep(cliLimits.alertEveryMs);
    alert = parseAnswer(
      alertSchema,
      await client.request("GET", `/v1/alerts/${encodeURIComponent(alert.id)}`),
      client.url,
    );
  }
  // oxlint-enable no-await-in-loop
  return alert;
}

function notTaken({ id, last_error }: ShownAlert): CliError {
  return last_error === null
    ? new CliError(exitCodes.refused, `Nobody has sent test alert ${id}.`, {
        hint: "Alerts are sent by a process with the role dispatcher: is one running?",
      })
    : new CliError(exitCodes.refused, `The webhook did not take test alert ${id}: ${last_error}.`, {
        hint: "Check ALERT_WEBHOOK_URL and what answers there; docs/alerts.md says what it is sent. It is sent again later.",
      });
}
