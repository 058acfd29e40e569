// Everything Sluice says in its log: a closed list, one event per decision. The name is `noun.what_happened`; the level is part
// of the event, so that nobody has to choose it again. docs/logging.md has the same table, and a test compares the two.

type Level = "debug" | "info" | "warn" | "error";

interface LoggedEvent {
  readonly level: Level;
  /** What has been decided or noticed, in one sentence. */
  readonly about: string;
}

const debug = (about: string): LoggedEvent => ({ level: "debug", about });
const info = (about: string): LoggedEvent => ({ level: "info", about });
const warn = (about: string): LoggedEvent => ({ level: "warn", about });
const error = (about: string): LoggedEvent => ({ level: "error", about });

export const events = {
  "process.started": info("A process has begun, with its roles and version."),
  "process.listening": info("The API accepts requests."),
  "process.draining": info("A signal asked this process to end; nothing new starts."),
  "process.stopped": info("The process has ended, with its exit code."),
  "process.reaped": warn(
    "A process that did not show itself in time was declared dead; its open calls are presumed.",
  ),
  "process.confirmed_dead": warn(
    "A process that had lost its lease was seen to be dead by another one on its machine; stops do not wait for it any more.",
  ),
  "process.lanes_ended": error("The lanes' own process ended unasked; it is started again."),
  "process.crashed": error("A bug ended the process; leases hand its work on."),

  "database.opened": debug("The connection pool is ready."),
  "database.connection_lost": warn("A database connection ended by itself; the pool opens another."),
  "database.migrated": info("A migration was applied."),
  "embedded.started": info("An embedded store was started as a child."),
  "embedded.found": info("A running embedded store was found and is used."),
  "embedded.stopped": info("An embedded store was shut down."),
  "embedded.died": error("An embedded store ended by itself; it is started again."),
  "queue.backend_chosen": info("The queue backend was chosen, with the reason."),
  "queue.connection_lost": warn("The queue backend cannot be reached; accepted work is safe."),
  "queue.connection_restored": info("The queue backend can be reached again."),
  "queue.odd_setting": warn("The queue backend is set up in a way that may lose entries or time."),
  "queue.entry_failed": warn("An entry of the queue failed outside the protocol; the lease decides."),

  "bulk.accepted": info("A bulk was committed and answered with 202."),
  "bulk.refused": info("A bulk was refused and nothing of it kept."),
  "bulk.approved": info("A second person confirmed a bulk; its work may start."),
  "bulk.finished": info("Every job of a bulk has its outcome."),
  "bulk.canceled": info("A bulk was canceled by a caller."),
  "bulk.deleted": info("The data of a bulk was deleted; its ledger stays."),
  "job.dispatched": debug("A job was handed to the realtime queue."),
  "job.finished": debug("A job reached its outcome."),
  "job.retry_scheduled": info("An attempt failed and another is scheduled."),
  "job.requeued": info("A job went back to its queue without fault of its own."),
  "job.capped": info("A cap ended a job: another attempt would have gone beyond it."),
  "job.canceled": info("A job was canceled by a caller."),
  "job.expired": info("A job outlived its deadline or its maximum age."),
  "attempt.presumed": warn("An attempt whose end is unknown was booked at its worst case."),
  "attempt.corrected": info("A late answer corrected what had been presumed."),
  "attempt.repriced": info("An attempt was booked at another price; a correction entry has the difference."),
  "attempt.late": info("An answer came after the lease had ended and changed nothing but the books."),

  "batch.intended": info("Lines were packed and their hold taken."),
  "batch.created": info("The provider accepted a message batch."),
  "batch.create_refused": warn("The provider refused a message batch; its lines go back."),
  "batch.dissolved": info("A message batch was not sent; its lines went back."),
  "batch.doubtful": warn("It is unknown whether the provider accepted a message batch."),
  "batch.adopted": info("A doubtful message batch was found at the provider."),
  "batch.void": warn("A doubtful message batch was proved absent; its lines go back."),
  "batch.found_late": error(
    "A batch that counted as void was found; it is harvested, and canceled if it is surely ours.",
  ),
  "batch.disowned": warn("An adopted message batch turned out to be somebody else's."),
  "batch.recovered": info("After a restore, a message batch at the provider was looked at."),
  "batch.missing": error("A message batch answers 404 long after its creation; it is still polled."),
  "batch.download_failed": warn("The results of a message batch broke off; they are downloaded again."),
  "batch.polled": debug("A message batch was asked for its state."),
  "batch.ended": info("The provider has finished a message batch."),
  "batch.lines_wait": info(
    "Lines found after a restore may continue others whose results are not stored yet; they are read again.",
  ),
  "batch.recounted": warn("The rows of a batch differ from its counts; it is downloaded again."),
  "batch.ingested": info("All results of a message batch are stored and settled."),
  "batch.results_lost": error(
    "The results of a message batch can never be fetched; its open lines are booked at their worst case.",
  ),
  "batch.cancel_asked": info("The provider was asked to cancel a message batch."),

  "budget.bound": info("A budget had no room, or there is none; work waits for it."),
  "budget.created": info("A budget was created."),
  "budget.changed": info("A budget was changed."),
  "budget.ended": info("A budget was ended; it binds nothing any more."),
  "budget.overrun": error("A settlement was above its hold."),
  "count.stored": debug("The provider counted requests of work that waits for a ceiling."),
  "count.off": error("A bill was above its count; the counts of that model are used no more."),
  "count.trusted_again": info("A person began anew with the counts of a model."),
  "size.off": warn("An effective cap cut too many answers; its type is sent with the declared cap again."),
  "size.again": info("A person lets a job type be right-sized again."),
  "pause.set": info("A queue, or all, was paused."),
  "pause.lifted": info("A pause was lifted."),
  "alert.raised": error("Something happened that a person should know of; the line says who and what next."),
  "alert.delivered": info("The webhook took an alert."),
  "alert.delivery_failed": warn("The webhook did not take an alert; it is sent again later."),
  "alert.given_up": error("The webhook did not take an alert in all its tries; it stays visible as failed."),
  "breaker.tripped": warn("The breaker paused a queue or a tenant; a person lifts it."),
  "stop.set": info("A stop was set or made harder: nothing of its scope starts."),
  "stop.aborted": info("Calls in the scope of a stop were aborted; they are booked at their worst case."),
  "stop.canceling": info("Message batches in the scope of a stop are to be canceled."),
  "stop.answered": info("Waiting jobs were answered by the answer their type keeps for a stop."),
  "stop.complete": info("Every process obeys a stop and nothing of its scope is in flight."),
  "stop.lifted": info("A stop was lifted; its work comes back gently."),
  "permission.lost": warn("The flags could not be read in time; this process starts nothing."),
  "permission.regained": info("The flags were read again; this process may start calls."),

  "lease.taken": info("This process holds a lease now."),
  "lease.lost": warn("This process no longer holds a lease and leaves the work."),
  "sweep.moved": info("A sweep moved what its owner had left."),
  "sweep.failed": warn("A round of a sweep failed; the next one tries again."),
  "pace.changed": info("The provider's headers changed the pace of a credential."),
  "provider.rate_limited": warn("The provider answered 429; the pace is lowered."),
  "provider.unavailable": warn("The provider failed by its own fault."),
  "provider.model_refused": error("The provider refused a model to the key; the work of that model waits."),
  "provider.credential_refused": error("The provider refused the key; its work waits for a person."),

  "workspace.shared": warn(
    "The provider lists message batches that no row of ours claims: others work in this workspace.",
  ),
  "restore.stopped": error(
    "This database was restored from a backup; everything is stopped until sluice recover.",
  ),
  "restore.recovered": info(
    "What the provider did since the backup is booked; the stop of the restore is lifted.",
  ),

  "http.answered": debug("A request was answered."),
  "http.failed": error("A request failed by a fault of ours."),
  "http.aborted": info("A caller left before the answer was complete."),
  "auth.refused": warn("A key or sign-in was refused."),
  "key.created": info("An API key was created."),
  "key.revoked": info("An API key was revoked."),
  "tenant.created": info("A tenant was created."),
  "board.acted": info("Somebody used a button of Bull Board."),
  "job_types.loaded": info("The job types were loaded and registered."),
} as const satisfies Readonly<Record<string, LoggedEvent>>;

export type EventName = keyof typeof events;
