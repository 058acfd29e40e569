// What each button of Bull Board does here. Bull Board writes straight into BullMQ, where nothing is the truth: so pausing is
// turned into the flag in Postgres, and everything else is refused, each with the sentence that says what to do instead.
// A route that is not in this table (a later version of Bull Board) is refused too. docs/bull-board.md has the same table, and a
// test presses every button.

export interface Button {
  /** Method and route as Bull Board declares them. */
  readonly route: string;
  readonly label: string;
  /** What it does here, or why it is refused. */
  readonly here: { readonly does: string } | { readonly refused: string };
}

const does = (route: string, label: string, what: string): Button => ({ route, label, here: { does: what } });
const refused = (route: string, label: string, why: string): Button => ({
  route,
  label,
  here: { refused: why },
});

const entriesShow = "Entries only show work; the work itself is in the database.";
const oneRetryLayer =
  "Sluice retries by itself. To run the failed jobs of a bulk again: POST /v1/bulks/{id}/retry.";
const ownLimits = "Limits belong to the queue in Sluice: PUT /v1/queues/{name}.";
const ownTimes = "When work starts is decided by Sluice; a wake-up that is late is added again by itself.";
const noSchedulers = "Sluice keeps no job schedulers in BullMQ.";
const queue = "/api/queues/:queueName";

export const buttons: readonly Button[] = [
  does(
    "PUT /api/queues/pause",
    "Pause all",
    "Pauses everything: sets the global pause flag in Postgres. Calls under way end, polling and ingest go on.",
  ),
  does(
    "PUT /api/queues/resume",
    "Resume all",
    "Lifts the global pause flag. Queues that are paused by themselves stay so.",
  ),
  does(
    `PUT ${queue}/pause`,
    "Pause queue",
    "Pauses this Sluice queue: sets its pause flag in Postgres. On `realtime` and `message-batches`, which serve all queues, it pauses everything.",
  ),
  does(
    `PUT ${queue}/resume`,
    "Resume queue",
    "Lifts the pause flag of this Sluice queue. A queue that only the global pause holds refuses: use Resume all. On `realtime` and `message-batches` it lifts the global pause.",
  ),
  refused(
    `POST ${queue}/add`,
    "Add job",
    "Work comes in through POST /v1/bulks and POST /v1/jobs, where it is checked and paid for.",
  ),
  refused(`PUT ${queue}/retry/:queueStatus`, "Retry all", oneRetryLayer),
  refused(`PUT ${queue}/promote`, "Promote all", ownTimes),
  refused(
    `PUT ${queue}/clean/:queueStatus`,
    "Clean all",
    `${entriesShow} The last thousand finished entries stay by themselves.`,
  ),
  refused(`PUT ${queue}/concurrency`, "Set global concurrency", ownLimits),
  refused(`PUT ${queue}/rate-limit`, "Set rate limit", ownLimits),
  refused(
    `PUT ${queue}/rate-limit/release`,
    "Release rate limit",
    "The pace follows the provider's answers and is not set in BullMQ.",
  ),
  refused(
    `PUT ${queue}/empty`,
    "Empty queue",
    `${entriesShow} To stop work, pause the queue or cancel its bulks: POST /v1/bulks/{id}/cancel.`,
  ),
  refused(
    `PUT ${queue}/obliterate`,
    "Obliterate queue",
    `${entriesShow} To stop work, pause the queue or cancel its bulks: POST /v1/bulks/{id}/cancel.`,
  ),
  refused(`PUT ${queue}/job-schedulers/:schedulerId/remove`, "Remove job scheduler", noSchedulers),
  refused(`PATCH ${queue}/job-schedulers/:schedulerId`, "Edit job scheduler", noSchedulers),
  refused(`PUT ${queue}/job-schedulers/:schedulerId/run`, "Run job scheduler now", noSchedulers),
  refused(`PUT ${queue}/:jobId/retry`, "Retry entry", oneRetryLayer),
  refused(
    `PUT ${queue}/:jobId/clean`,
    "Remove entry",
    `${entriesShow} To cancel: POST /v1/bulks/{id}/cancel or POST /v1/jobs/{id}/cancel.`,
  ),
  refused(`PUT ${queue}/:jobId/promote`, "Promote entry", ownTimes),
  refused(
    `PATCH ${queue}/:jobId/update-data`,
    "Edit data",
    "An entry holds ids only, and what was accepted is not changed.",
  ),
  refused(`PATCH ${queue}/:jobId/delay`, "Change delay", ownTimes),
  refused(
    `PATCH ${queue}/:jobId/priority`,
    "Change priority",
    "Priority is part of what was submitted: 0 to 9, per line.",
  ),
  refused(
    `PUT ${queue}/:jobId/remove-unprocessed-children`,
    "Remove unprocessed children",
    "Entries have no children here.",
  ),
];

const byRoute = new Map(buttons.map((button) => [button.route, button]));

/** Why a request of Bull Board is refused, or undefined if it may go on. Reading always may. */
export function refusalOf(method: string, route: string): string | undefined {
  if (method.toUpperCase() === "GET") return undefined;
  const here = byRoute.get(`${method.toUpperCase()} ${route}`)?.here;
  if (here === undefined) return "Sluice does not know this button yet, so it does nothing.";
  return "refused" in here ? here.refused : undefined;
}
