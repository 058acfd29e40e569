// The closed list of error codes. A code is part of the public contract: it never changes its meaning. docs/errors.md has a
// row for each of them, and a test compares the two both ways.

import { entry, type CatalogueEntry } from "./catalogue-entry.ts";

/** Every error code with its HTTP status, title, retryability and hint. */
export const errorCatalogue = {
  // What was sent cannot be read or does not fit.
  invalid_input: entry(
    400,
    "The input does not fit its schema.",
    false,
    "Correct the fields listed in errors.",
  ),
  invalid_json: entry(
    400,
    "The body is not valid JSON.",
    false,
    "Send UTF-8 JSON; each NDJSON line is one value.",
  ),
  invalid_query: entry(
    400,
    "A query parameter is not valid.",
    false,
    "Correct the parameters listed in errors.",
  ),
  invalid_header: entry(
    400,
    "A request header is not valid.",
    false,
    "Correct the headers listed in errors.",
  ),
  invalid_lines: entry(
    422,
    "The upload has invalid lines and nothing of it was accepted.",
    false,
    "Correct the lines listed in errors, or send with on_invalid=skip to accept the others.",
  ),
  empty_upload: entry(400, "The upload has no lines.", false, "Send at least one job."),
  duplicate_key: entry(
    400,
    "A key is used twice in one bulk.",
    false,
    "Give every line its own key, or none.",
  ),
  upload_incomplete: entry(
    400,
    "The body ended before it was complete; nothing was accepted.",
    true,
    "Send the upload again, with the same Idempotency-Key if it had one.",
  ),
  upload_too_large: entry(
    413,
    "The upload is larger than this installation accepts.",
    false,
    "Split it into several bulks, or raise SLUICE_UPLOAD_BYTES_MAX.",
  ),
  too_many_lines: entry(
    413,
    "The upload has more lines than this installation accepts.",
    false,
    "Split it into several bulks, or raise SLUICE_UPLOAD_LINES_MAX.",
  ),
  line_too_long: entry(
    413,
    "A line is longer than this installation accepts.",
    false,
    "Shorten the input of that line, or raise SLUICE_LINE_BYTES_MAX.",
  ),
  unsupported_media_type: entry(
    415,
    "The content type is not supported here.",
    false,
    "Send application/x-ndjson or application/json.",
  ),
  unsupported_encoding: entry(
    415,
    "The content encoding is not supported.",
    false,
    "Send the body plain or gzip.",
  ),
  unbounded_cost: entry(
    422,
    "The cost of this work has no upper bound.",
    false,
    "Send content inline, or declare input_tokens_max in the job type.",
  ),
  cap_exceeded: entry(
    422,
    "The work is above one of its caps.",
    false,
    "Make the request or the bulk smaller; the caps of a type are its owner's to raise.",
  ),
  price_unknown: entry(
    422,
    "The price of this model is not known.",
    false,
    "Use a model of the price table, or add its prices there.",
  ),
  // Who asks, and for what.
  unauthorized: entry(
    401,
    "No valid API key was given.",
    false,
    "Send Authorization: Bearer with a key that is in force.",
  ),
  forbidden_scope: entry(
    403,
    "This API key may not do that.",
    false,
    "Use a key with the scope named in detail.",
  ),
  not_found: entry(
    404,
    "There is nothing under this name here.",
    false,
    "Check the id and the tenant of your key.",
  ),
  method_not_allowed: entry(
    405,
    "This path does not answer that method.",
    false,
    "See the paths in /openapi.json.",
  ),
  queue_not_found: entry(404, "There is no such queue.", false, "Create it with PUT /v1/queues/{name}."),
  type_not_found: entry(
    404,
    "There is no such job type.",
    false,
    "Use a type of jobs/ or of SLUICE_JOBS_DIR.",
  ),
  // What stands against it now.
  conflict: entry(
    409,
    "The current state does not allow that.",
    false,
    "Read the resource again and decide anew.",
  ),
  bulk_finished: entry(
    409,
    "The bulk has already finished.",
    false,
    "Read its results; a retry makes a new bulk.",
  ),
  bulk_not_finished: entry(409, "The bulk is still running.", true, "Cancel it first, or wait for its end."),
  job_finished: entry(
    409,
    "The job already has its outcome.",
    false,
    "Read the job; its outcome does not change.",
  ),
  budget_below_committed: entry(
    409,
    "The limit would be below what is already spent and held.",
    false,
    "Choose at least the limit named in detail, or force it: then nothing new starts.",
  ),
  budget_bound: entry(
    409,
    "A budget has no room left, and it rejects new work.",
    true,
    "Wait for its next window, or ask its owner to raise it; detail names it.",
  ),
  person_needed: entry(
    403,
    "What the breaker or an overrun has paused is lifted by a person.",
    false,
    "Look at what ran away, then resume with a key whose holder is a person.",
  ),
  quote_mismatch: entry(
    422,
    "This is not what was quoted.",
    false,
    "Send the same body with the same queue, type and treatment, or ask for a new quote.",
  ),
  quote_used: entry(409, "This quote has been used or its hour is over.", false, "Ask for a new quote."),
  approval_not_needed: entry(
    409,
    "The bulk does not wait for approval.",
    false,
    "Look at its state and wait_reason.",
  ),
  second_person_needed: entry(
    403,
    "A bulk is confirmed by a person other than its submitter.",
    false,
    "Let somebody else with a personal key and the scope operate confirm it.",
  ),
  idempotency_mismatch: entry(
    422,
    "This Idempotency-Key was used with another request.",
    false,
    "Use a new key for a new request.",
  ),
  idempotency_in_progress: entry(
    409,
    "The first request with this Idempotency-Key is still running.",
    true,
    "Wait and send it again: the answer will be that of the first.",
  ),
  too_many_requests: entry(
    429,
    "There are too many requests of this kind at once.",
    true,
    "Wait as Retry-After says.",
  ),
  // What is not there, or not as it must be.
  database_unavailable: entry(
    503,
    "The database cannot be reached.",
    true,
    "Nothing was acknowledged; try again as Retry-After says.",
  ),
  database_timeout: entry(503, "A database statement took too long.", true, "Try again as Retry-After says."),
  queue_unavailable: entry(
    503,
    "The queue backend cannot be reached.",
    true,
    "Accepted work is safe in the database; try again as Retry-After says.",
  ),
  shutting_down: entry(
    503,
    "This process is shutting down.",
    true,
    "Send the request again: another process answers.",
  ),
  config_invalid: entry(
    500,
    "The configuration is not valid.",
    false,
    "Correct the settings listed; see docs/configuration.md.",
  ),
  prompt_changed: entry(
    500,
    "A released prompt file was changed.",
    false,
    "Restore it and put the new text into a file with the next version number.",
  ),
  migration_changed: entry(
    500,
    "A migration that was already applied has been changed.",
    false,
    "Restore the file and put the change into a new migration.",
  ),
  migration_missing: entry(
    500,
    "The database and this version of the code do not fit together.",
    false,
    "Run `sluice migrate` with the newest version that uses this database.",
  ),
  redis_unsuitable: entry(
    500,
    "This Redis is not set up to hold a queue.",
    false,
    "Use Redis 6.2 or newer with maxmemory-policy noeviction and an append-only file.",
  ),
  embedded_failed: entry(
    500,
    "The embedded store could not be started.",
    false,
    "Read the log under the data directory, or set DATABASE_URL and REDIS_URL.",
  ),
  lanes_failed: entry(
    500,
    "The process for the lanes did not start.",
    false,
    "Its own lines above say why; `sluice check-config` prints the settings both processes run with.",
  ),
  lease_lost: entry(409, "The lease on this work has ended.", true, "Another process goes on with it."),
  internal: entry(
    500,
    "Something is broken inside Sluice.",
    false,
    "Report it with the request id of this answer.",
  ),

  // Books, backups and what comes after a restore: told by the command line.
  figures_unavailable: entry(502, "The provider's figures could not be read.", true, "Check keys and URL."),
  backup_damaged: entry(
    422,
    "The backup is damaged, or is none.",
    false,
    "Use another: nothing was changed.",
  ),
  restore_refused: entry(409, "Nothing was restored: the database is in use.", false, "See docs/backup.md."),
  restore_unrecovered: entry(409, "Restored from a backup, not recovered.", false, "Run `sluice recover`."),
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof errorCatalogue;
