// The page with the one button, for whoever has to stop everything and is no engineer: /admin/stop, also reached as /stop. It says
// what is stopped now, takes a reason, and shows the receipt of a stop, read again every two seconds until it is complete.
//
// The button is a plain form. It is safe from other sites as the sign-in is: the session's cookie is for this site only, and the
// board checks where a request that changes something comes from (board.ts) before it gets here.
import express, { Router, type Request, type RequestHandler, type Response } from "express";
import { limits } from "../../config/limits.ts";
import { readReceipt, type BatchStanding, type StopReceipt } from "../../control/stop-receipt.ts";
import { openStops, requireStop, stopEverything } from "../../control/stops.ts";
import { isId } from "../../domain/ids.ts";
import { formatUsd } from "../../domain/money.ts";
import type { Log } from "../../observe/log.ts";
import type { Database } from "../../postgres/pool.ts";
import type { StopRow } from "../../postgres/stops.ts";
import { facts, html, page, table, type Html } from "./html.ts";
import type { SignedIn } from "./session.ts";

interface StopPageDeps {
  readonly database: Database;
  readonly log: Log;
  readonly basePath: string;
  readonly simulated: boolean;
  /** Who is signed in. */
  readonly who: () => SignedIn | undefined;
}

const formBytesMax = 4_096;
const refreshS = 2;

export function stopPageRoutes(deps: StopPageDeps): Router {
  const router = Router();
  router.get("/stop", (_request, response) => showSwitch(deps, response, 200));
  router.post("/stop", express.urlencoded({ extended: false, limit: formBytesMax }), pressButton(deps));
  router.get("/stop/:id", showReceipt(deps));
  return router;
}

function pressButton(deps: StopPageDeps): RequestHandler {
  return async (request, response) => {
    const reason = reasonOf(request);
    if (reason === null) {
      await showSwitch(deps, response, 400, "Say in a few words why everything is to stop.");
      return;
    }
    const actor = deps.who()?.actor ?? "board";
    const row = await stopEverything(deps, "abort_and_cancel", { actor, reason });
    deps.log.event("board.acted", { button: "stop everything" });
    response.redirect(303, `${deps.basePath}/stop/${row.id}`);
  };
}

function reasonOf(request: Request): string | null {
  const form: unknown = request.body;
  const value: unknown = typeof form === "object" && form !== null ? Reflect.get(form, "reason") : undefined;
  const text = typeof value === "string" ? value.replaceAll(/[\p{Cc}\p{Surrogate}]+/gu, " ").trim() : "";
  return text === "" ? null : text.slice(0, limits.reasonCharsMax);
}

async function showSwitch(
  deps: StopPageDeps,
  response: Response,
  status: number,
  fault?: string,
): Promise<void> {
  const stops = await openStops(deps);
  const everything = stops.find(({ scope }) => scope === "global");
  const why: Html = fault === undefined ? html`` : html`<p class="fault" role="alert">${fault}</p>`;
  const body = html`<h1>Stop everything</h1>
    ${why}${everything === undefined ? button(deps) : stoppedAlready(deps, everything)}
    <h2>Stopped now</h2>
    ${stops.length === 0 ? html`<p>Nothing is stopped.</p>` : stopTable(deps, stops)}`;
  show(deps, response, { status, title: "Stop everything", body });
}

function button({ who, basePath }: StopPageDeps): Html {
  if (who()?.mayOperate !== true)
    return html`<p class="fault">
      Your key may look but not stop anything: that needs a key of the installation with the scope
      <code>operate</code>.
    </p>`;
  return html`<p>
      No further call is made to the model, calls under way are cut off, and message batches are canceled.
      Work that has been handed in is kept: it waits and goes on when the stop is lifted. What was computed
      already is still paid for.
    </p>
    <form class="stop" method="post" action="${basePath}/stop">
      <label for="reason">Why? Everybody whose work waits can read this.</label>
      <input
        id="reason"
        name="reason"
        required
        maxlength="${limits.reasonCharsMax}"
        autocomplete="off"
        autofocus
      />
      <button class="danger">Stop everything now</button>
    </form>`;
}

const stoppedAlready = ({ basePath }: StopPageDeps, { id, reason }: StopRow): Html =>
  html`<p class="fault" role="status">
    Everything is stopped: ${reason}. <a href="${basePath}/stop/${id}">See how far it is.</a>
  </p>`;

const stopTable = ({ basePath }: StopPageDeps, stops: readonly StopRow[]): Html =>
  table(
    ["Since", "What", "Why", "By", "State"],
    stops.map((row) => [
      html`<a href="${basePath}/stop/${row.id}">${when(row.set_at)}</a>`,
      whatOf(row),
      row.reason,
      row.set_by,
      row.completed_at === null ? "stopping" : "complete",
    ]),
  );

function showReceipt(deps: StopPageDeps): RequestHandler<{ id: string }> {
  return async (request, response) => {
    const { id } = request.params;
    const row = isId(id) ? await requireStop(deps, id, null).catch(() => undefined) : undefined;
    if (row === undefined) {
      const body = html`<h1>There is no such stop.</h1>`;
      show(deps, response, { status: 404, title: "Not found", body });
      return;
    }
    const receipt = await readReceipt(deps.database, row);
    // The header, since the page has no script; what is complete and has ended does not change any more.
    const moves = receipt.state === "stopping" || receipt.mayStillCostNano > 0n;
    if (moves) response.setHeader("Refresh", String(refreshS));
    show(deps, response, { status: 200, title: "Stop", body: receiptBody(receipt) });
  };
}

const headlines: Record<StopReceipt["state"], string> = {
  stopping: "Stopping…",
  complete: "Stopped. Nothing of it starts any more.",
  lifted: "This stop was lifted.",
};

function receiptBody(receipt: StopReceipt): Html {
  const { stop, processes, callsInFlight, callsAborted } = receipt;
  const unconfirmed =
    receipt.unconfirmed === 0
      ? html``
      : html`<p class="fault">
          ${receipt.unconfirmed} of ${processes.length} processes have not confirmed yet. One that stays so is
          frozen or cut off: end it, or the machine it runs on.
        </p>`;
  return html`<h1>${headlines[receipt.state]}</h1>
    ${receipt.state === "stopping" ? unconfirmed : html``}
    ${facts([
      ["What", whatOf(stop)],
      ["Why", stop.reason],
      ["Since", `${when(stop.set_at)} by ${stop.set_by}`],
      ["Complete since", stop.completed_at === null ? null : when(stop.completed_at)],
      [
        "Lifted",
        stop.lifted_at === null ? null : `${when(stop.lifted_at)} by ${stop.lifted_by ?? "somebody"}`,
      ],
      ["Calls", `${callsInFlight} under way, ${callsAborted} cut off`],
      ["Message batches", batchText(receipt)],
      ["Jobs that wait", receipt.jobsWaiting],
      ["May still be billed", `at most $${formatUsd(receipt.mayStillCostNano)}`],
    ])}
    <h2>Processes</h2>
    ${table(
      ["Process", "Where", "State", "Calls under way", "Last call"],
      processes.map((one) => [
        one.id,
        `${one.host} · ${one.pid}`,
        one.state,
        one.calls_in_flight,
        one.last_call_at === null ? null : when(one.last_call_at),
      ]),
    )}
    ${
      stop.lifted_at === null
        ? html`<p>
            To go on, somebody with an admin key lifts it: <code>sluice lift ${stop.id} --reason …</code>
          </p>`
        : html``
    }`;
}

const standingNames: Record<BatchStanding, string> = {
  not_sent: "not sent",
  creating: "being created",
  doubtful: "in doubt",
  to_cancel: "to be canceled",
  canceling: "canceling",
  goes_on: "going on",
  ended: "ended",
};

function batchText({ batches }: StopReceipt): string {
  const counts = new Map<BatchStanding, number>();
  for (const { standing } of batches) counts.set(standing, (counts.get(standing) ?? 0) + 1);
  const parts = [...counts].map(([standing, count]) => `${count} ${standingNames[standing]}`);
  return parts.length === 0 ? "none" : parts.join(", ");
}

const whatOf = ({ scope, target_name: target }: StopRow): string =>
  scope === "global" ? "Everything" : `${scope.replace("_", " ")} ${target ?? ""}`;

const when = (at: Date): string => `${at.toISOString().slice(0, 19).replace("T", " ")} UTC`;

function show(
  { basePath, simulated, who }: StopPageDeps,
  response: Response,
  { status, title, body }: { status: number; title: string; body: Html },
): void {
  response.status(status).setHeader("Cache-Control", "no-store");
  response.type("html").send(page({ title, basePath, simulated, actor: who()?.actor ?? "" }, body));
}
