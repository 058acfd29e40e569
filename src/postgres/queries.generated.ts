// oxlint-disable max-lines -- generated: one member per statement
// Written by `npm run queries` from the SQL files and a freshly migrated database. Do not edit.
// One member per file of queries/: its parameters in order, a row as it arrives, and how many rows come back.
export interface Queries {
  /** Takes alerts that have not been announced yet, the oldest first. */
  "alerts/announce": {
    params: [hasWebhook: boolean, rowsMax: number];
    row: {
      id: string;
      kind: "model_refused" | "results_lost" | "budget_spent" | "budget_committed" | "overrun" | "credential_stopped" | "breaker_tripped" | "paid_twice" | "batch_missing" | "count_off" | "test";
      tenant_id: string;
      tenant_name: string;
      scope: "model" | "global" | "tenant" | "queue" | "job_type" | "label" | "bulk" | "credential" | "message_batch";
      target: string;
      target_name: string;
      owner: string;
      reason: string;
      percent: number | null;
      limit_nano: bigint | null;
      spent_nano: bigint | null;
      held_nano: bigint | null;
      window_starts_at: Date | null;
      window_ends_at: Date | null;
      raised_at: Date;
      state: "pending" | "delivered" | "failed" | "logged";
      tries: number;
      last_error: string | null;
      delivered_at: Date | null;
    };
    rows: "many";
  };
  /** One alert, if it is the tenant's; any where $2 is null. */
  "alerts/find": {
    params: [id: string, tenantId: string | null];
    row: {
      id: string;
      kind: "model_refused" | "results_lost" | "budget_spent" | "budget_committed" | "overrun" | "credential_stopped" | "breaker_tripped" | "paid_twice" | "batch_missing" | "count_off" | "test";
      tenant_id: string;
      tenant_name: string;
      scope: "model" | "global" | "tenant" | "queue" | "job_type" | "label" | "bulk" | "credential" | "message_batch";
      target: string;
      target_name: string;
      owner: string;
      reason: string;
      percent: number | null;
      limit_nano: bigint | null;
      spent_nano: bigint | null;
      held_nano: bigint | null;
      window_starts_at: Date | null;
      window_ends_at: Date | null;
      raised_at: Date;
      state: "pending" | "delivered" | "failed" | "logged";
      tries: number;
      last_error: string | null;
      delivered_at: Date | null;
    };
    rows: "one";
  };
  /** Alerts of one tenant, or of all where $1 is null, the newest first. */
  "alerts/list": {
    params: [
      tenantId: string | null,
      state: string | null,
      kind: string | null,
      after: string | null,
      rowsMax: number,
    ];
    row: {
      id: string;
      kind: "model_refused" | "results_lost" | "budget_spent" | "budget_committed" | "overrun" | "credential_stopped" | "breaker_tripped" | "paid_twice" | "batch_missing" | "count_off" | "test";
      tenant_id: string;
      tenant_name: string;
      scope: "model" | "global" | "tenant" | "queue" | "job_type" | "label" | "bulk" | "credential" | "message_batch";
      target: string;
      target_name: string;
      owner: string;
      reason: string;
      percent: number | null;
      limit_nano: bigint | null;
      spent_nano: bigint | null;
      held_nano: bigint | null;
      window_starts_at: Date | null;
      window_ends_at: Date | null;
      raised_at: Date;
      state: "pending" | "delivered" | "failed" | "logged";
      tries: number;
      last_error: string | null;
      delivered_at: Date | null;
    };
    rows: "many";
  };
  /** Notes that an alert was taken by its receiver. */
  "alerts/mark-delivered": {
    params: [id: string];
    row: never;
    rows: "none";
  };
  /** Notes that a try failed: the alert is due again after a pause, or given up after its last try. */
  "alerts/mark-refused": {
    params: [id: string, error: string, pauseMs: number, triesMax: number];
    row: { state: "pending" | "delivered" | "failed" | "logged" };
    rows: "one";
  };
  /** How the way out does: failures in a row over all alerts, what waits to leave and since when, and what was given up. */
  "alerts/path": {
    params: [];
    row: {
      failures_in_row: number;
      last_error: string | null;
      pending: bigint;
      failed: bigint;
      oldest_pending_at: Date | null;
    };
    rows: "one";
  };
  /** Removes alerts that are done with and older than an instant: they left, were logged, or were given up long ago. */
  "alerts/prune": {
    params: [before: Date, rowsMax: number];
    row: never;
    rows: "none";
  };
  /** Raises an alert that no trigger raises; nothing if its key has raised one before. */
  "alerts/raise": {
    params: [
      dedupeKey: string,
      kind: string,
      tenantId: string,
      scope: string,
      target: string,
      reason: string,
    ];
    row: { id: string };
    rows: "one";
  };
  /** Takes alerts whose next try is due, for one try of each. */
  "alerts/take-due": {
    params: [putOffMs: number, rowsMax: number];
    row: {
      id: string;
      kind: "model_refused" | "results_lost" | "budget_spent" | "budget_committed" | "overrun" | "credential_stopped" | "breaker_tripped" | "paid_twice" | "batch_missing" | "count_off" | "test";
      tenant_id: string;
      tenant_name: string;
      scope: "model" | "global" | "tenant" | "queue" | "job_type" | "label" | "bulk" | "credential" | "message_batch";
      target: string;
      target_name: string;
      owner: string;
      reason: string;
      percent: number | null;
      limit_nano: bigint | null;
      spent_nano: bigint | null;
      held_nano: bigint | null;
      window_starts_at: Date | null;
      window_ends_at: Date | null;
      raised_at: Date;
      state: "pending" | "delivered" | "failed" | "logged";
      tries: number;
      last_error: string | null;
      delivered_at: Date | null;
    };
    rows: "many";
  };
  /** Confirms a bulk that waits for a second person, with its audit event and word to the lanes. */
  "approval/approve": {
    params: [bulkId: string, tenantId: string, actor: string, reason: string | null];
    row: { id: string; audit_id: bigint | null; told: string | null };
    rows: "one";
  };
  /** Appends one event to the audit chain. */
  "audit/append": {
    params: [
      tenantId: string,
      actor: string,
      act: string,
      subjectKind: string,
      subjectId: string,
      detail: string,
    ];
    row: { id: bigint };
    rows: "one";
  };
  /** Where our sequences stand. */
  "backup/sequences": {
    params: [];
    row: { name: string; last_value: bigint };
    rows: "many";
  };
  /** The instant of the snapshot this transaction reads. */
  "backup/snapshot": {
    params: [];
    row: { at: Date };
    rows: "one";
  };
  /** The tables of our schema with their columns and the tables their foreign keys point to; others may have theirs beside them. */
  "backup/tables": {
    params: [];
    row: { name: string; columns: string[]; needs: string[] };
    rows: "many";
  };
  /** The attempts of a job: what was tried, how it ended, what it cost. */
  "board/attempts": {
    params: [jobId: string];
    row: {
      no: number;
      lane: "realtime" | "batch";
      state: "open" | "settled" | "presumed" | "unpaid";
      outcome: string | null;
      http_status: number | null;
      error_type: string | null;
      request_id: string | null;
      stop_reason: string | null;
      worst_nano: bigint;
      cost_nano: bigint | null;
      late: boolean;
      claimed_at: Date;
      sent_at: Date | null;
      answered_at: Date | null;
      recorded_at: Date | null;
      message_batch_id: string | null;
    };
    rows: "many";
  };
  /** One bulk as the installation's people see it: ids, names and times. */
  "board/bulk": {
    params: [id: string];
    row: {
      id: string;
      tenant_name: string;
      queue_name: string;
      tenant_id: string;
      queue_id: string;
      job_type: string;
      accepted: number;
      invalid: number;
      created_by: string;
      created_at: Date;
      expires_at: Date;
      canceled_at: Date | null;
      canceled_by: string | null;
      finished_at: Date | null;
      deleted_at: Date | null;
      retry_of: string | null;
    };
    rows: "one";
  };
  /** The next jobs of a bulk behind a line. */
  "board/bulk-jobs": {
    params: [bulkId: string, afterLine: number, rowsMax: number];
    row: {
      id: string;
      line: number;
      lane: "realtime" | "batch";
      state: "queued" | "dispatched" | "running" | "awaiting_approval" | "succeeded" | "refused" | "truncated" | "invalid_output" | "rejected" | "failed" | "expired" | "canceled";
      wait_reason: "budget" | "rate" | "concurrency" | "pause" | "stop" | "approval" | "batch" | "fairness" | "breaker" | "schedule" | "credential" | "backlog" | null;
      attempts_paid: number;
      cost_nano: bigint;
      finished_at: Date | null;
    };
    rows: "many";
  };
  /** One job as the installation's people see it: ids, state and money, no content. */
  "board/job": {
    params: [id: string];
    row: {
      id: string;
      tenant_name: string;
      queue_name: string;
      bulk_id: string;
      line: number;
      job_type: string;
      lane: "realtime" | "batch";
      urgency: "now" | "whenever";
      deadline_at: Date | null;
      priority: number;
      state: "queued" | "dispatched" | "running" | "awaiting_approval" | "succeeded" | "refused" | "truncated" | "invalid_output" | "rejected" | "failed" | "expired" | "canceled";
      wait_reason: "budget" | "rate" | "concurrency" | "pause" | "stop" | "approval" | "batch" | "fairness" | "breaker" | "schedule" | "credential" | "backlog" | null;
      not_before: Date | null;
      retry_reason: string | null;
      failure_code: string | null;
      failure_fault: "caller" | "provider" | "sluice" | "policy" | null;
      attempts_paid: number;
      attempts_max: number;
      tries: number;
      model: string;
      prompt_version: number;
      message_batch_id: string | null;
      cost_nano: bigint;
      presumed_nano: bigint;
      created_at: Date;
      queued_at: Date;
      dispatched_at: Date | null;
      finished_at: Date | null;
    };
    rows: "one";
  };
  /** One message batch: its state here, its counts at the provider, its times. */
  "board/message-batch": {
    params: [id: string];
    row: {
      id: string;
      tenant_name: string;
      queue_name: string;
      state: "intent" | "creating" | "created" | "ended" | "ingested" | "doubtful" | "refused" | "void";
      provider_id: string | null;
      processing_status: "in_progress" | "canceling" | "ended" | null;
      line_count: number;
      body_bytes: bigint;
      count_processing: number;
      count_succeeded: number;
      count_errored: number;
      count_canceled: number;
      count_expired: number;
      ingested_lines: number;
      paid_twice: number;
      error_code: string | null;
      created_at: Date;
      doubtful_since: Date | null;
      cancel_requested_at: Date | null;
      next_poll_at: Date | null;
      provider_expires_at: Date | null;
      ended_at: Date | null;
      ingested_at: Date | null;
    };
    rows: "one";
  };
  /** Whether this installation has tenants of its own and keys. */
  "bootstrap/count": {
    params: [];
    row: { tenants: number; keys: number };
    rows: "one";
  };
  /** Lets one process at a time set the database up; the others wait. */
  "bootstrap/lock": {
    params: [];
    row: { pg_advisory_lock: string | null };
    rows: "one";
  };
  /** Gives the lock of bootstrap/lock back. */
  "bootstrap/unlock": {
    params: [];
    row: { pg_advisory_unlock: boolean | null };
    rows: "one";
  };
  /** Adds what is old enough of the ledger to the sums by minute and hour, an hour of it at most, and forgets the sums that have served. */
  "breaker/fold-spend": {
    params: [lagMs: number];
    row: { is_behind: boolean };
    rows: "one";
  };
  /** What some queues, or tenants, spent in each hour with spend of the last seven days, the last two left out: they are what is judged. */
  "breaker/hours": {
    params: [scope: string, target: readonly (string | null)[]];
    row: { target: string; amount_nano: bigint };
    rows: "many";
  };
  /** How the paid attempts of the last hour ended, by queue or by tenant, over the $2 that were booked last; only scopes with at least $3 of them come back. */
  "breaker/recent-attempts": {
    params: [
      scope: string,
      entriesMax: number,
      attemptsMin: number,
      goodOutcomes: readonly (string | null)[],
      heldBackReasons: readonly (string | null)[],
    ];
    row: { target: string; tenant_id: string; attempts: bigint; failed: bigint; retried: bigint };
    rows: "many";
  };
  /** What each queue, or each tenant, has spent in the last hour; only those above $2 come back. */
  "breaker/recent-spend": {
    params: [scope: string, aboveNano: bigint];
    row: { target: string; tenant_id: string; amount_nano: bigint };
    rows: "many";
  };
  /** Whether any budget turns new submissions away when it has no room: asked now and then, so that nobody else is looked up for nothing. */
  "budgets/any-rejecting": {
    params: [];
    row: { found: boolean };
    rows: "one";
  };
  /** Changes a budget, and with its limit that of its windows that can still take holds; both are locked by the caller. */
  "budgets/change": {
    params: [
      budgetId: string,
      limitNano: bigint,
      owner: string,
      whenBound: string,
      windowId: readonly (bigint | null)[],
    ];
    row: never;
    rows: "none";
  };
  /** For each way in which jobs of a bulk can be charged, the smallest bounds among them: none of them can cost less at worst. */
  "budgets/cheapest-of-bulk": {
    params: [bulkId: string];
    row: {
      model: string;
      lane: "realtime" | "batch";
      cache_write: "none" | "5m" | "1h";
      may_run_in_us: boolean;
      web_searches_max: number;
      input_tokens_max: number;
      output_tokens_max: number;
    };
    rows: "many";
  };
  /** Ends budgets: they bind nothing from now on. */
  "budgets/end": {
    params: [id: readonly (string | null)[]];
    row: never;
    rows: "none";
  };
  /** Ends the budgets that quotes have made for bulks which are finished, once nothing is held under them. */
  "budgets/end-quoted": {
    params: [rowsMax: number];
    row: { id: string };
    rows: "many";
  };
  /** The open holds on the windows of a budget, in the order in which they were taken, with the job of those that belong to an attempt. */
  "budgets/holds": {
    params: [budgetId: string, after: string | null, rowsMax: number];
    row: {
      id: string;
      owner_kind: "attempt" | "message_batch";
      owner_id: string;
      reason: string;
      state: "open" | "settled" | "released" | "presumed";
      amount_nano: bigint;
      remaining_nano: bigint;
      created_at: Date;
      expires_at: Date | null;
      starts_at: Date;
    };
    rows: "many";
  };
  /** Creates a budget, unless an open one of the same scope, target, manager and kind of window is there. */
  "budgets/insert": {
    params: [
      id: string,
      tenantId: string,
      scope: string,
      target: string,
      owner: string,
      limitNano: bigint,
      windowKind: string,
      timeZone: string,
      whenBound: string,
    ];
    row: { id: string };
    rows: "one";
  };
  /** Budgets that a tenant may see, newest first, each with the window that is open at an instant (nulls where it has yet to begin): its own, and those of the installation on itself. */
  "budgets/list": {
    params: [
      tenantId: string | null,
      id: string | null,
      scope: string | null,
      target: string | null,
      ended: boolean,
      after: string | null,
      rowsMax: number,
      at: Date,
    ];
    row: {
      id: string;
      tenant_id: string;
      tenant_name: string;
      scope: "global" | "tenant" | "queue" | "job_type" | "label" | "bulk";
      target: string;
      target_name: string;
      owner: string;
      limit_nano: bigint;
      window_kind: "day" | "month" | "total";
      time_zone: string;
      when_bound: "wait" | "reject" | "downgrade";
      created_at: Date;
      updated_at: Date;
      ended_at: Date | null;
      window_id: bigint | null;
      starts_at: Date | null;
      ends_at: Date | null;
      window_limit_nano: bigint | null;
      spent_nano: bigint | null;
      held_nano: bigint | null;
      overrun_nano: bigint | null;
    };
    rows: "many";
  };
  /** Locks one budget for a change. */
  "budgets/lock": {
    params: [id: string];
    row: {
      id: string;
      tenant_id: string;
      scope: "global" | "tenant" | "queue" | "job_type" | "label" | "bulk";
      target: string;
      owner: string;
      limit_nano: bigint;
      window_kind: "day" | "month" | "total";
      time_zone: string;
      when_bound: "wait" | "reject" | "downgrade";
      ended_at: Date | null;
    };
    rows: "one";
  };
  /** Locks the open budgets that a tenant has on a queue for a change. */
  "budgets/lock-of-queue": {
    params: [queueId: string, tenantId: string];
    row: {
      id: string;
      owner: string;
      limit_nano: bigint;
      window_kind: "day" | "month" | "total";
      time_zone: string;
      when_bound: "wait" | "reject" | "downgrade";
    };
    rows: "many";
  };
  /** Locks the windows of a budget that can still take holds, with what is committed in each. */
  "budgets/lock-windows": {
    params: [budgetId: string, at: Date];
    row: { id: bigint; limit_nano: bigint; committed_nano: bigint };
    rows: "many";
  };
  /** Tells the lanes that a budget has changed: work that waits for it is looked at again. */
  "budgets/notify": {
    params: [about: string];
    row: { pg_notify: string | null };
    rows: "one";
  };
  /** The open budgets that the owners of some queues have on them, each with the window that is open at an instant (nulls where it has yet to begin). */
  "budgets/of-queues": {
    params: [queueId: readonly (string | null)[], at: Date];
    row: {
      id: string;
      queue_id: string;
      owner: string;
      limit_nano: bigint;
      window_kind: "day" | "month" | "total";
      time_zone: string;
      when_bound: "wait" | "reject" | "downgrade";
      created_at: Date;
      window_id: bigint | null;
      starts_at: Date | null;
      ends_at: Date | null;
      window_limit_nano: bigint | null;
      spent_nano: bigint | null;
      held_nano: bigint | null;
      overrun_nano: bigint | null;
    };
    rows: "many";
  };
  /** The budgets that bind a piece of work, as windows/find-open.sql knows them, with the window of each that is open at an instant (nulls where it has yet to begin). */
  "budgets/over-work": {
    params: [tenantId: string, queueId: string, jobType: string, bulkId: string, labels: string, at: Date];
    row: {
      id: string;
      tenant_id: string;
      tenant_name: string;
      scope: "global" | "tenant" | "queue" | "job_type" | "label" | "bulk";
      target: string;
      target_name: string;
      owner: string;
      limit_nano: bigint;
      window_kind: "day" | "month" | "total";
      time_zone: string;
      when_bound: "wait" | "reject" | "downgrade";
      created_at: Date;
      updated_at: Date;
      ended_at: Date | null;
      window_id: bigint | null;
      starts_at: Date | null;
      ends_at: Date | null;
      window_limit_nano: bigint | null;
      spent_nano: bigint | null;
      held_nano: bigint | null;
      overrun_nano: bigint | null;
    };
    rows: "many";
  };
  /** Removes the reasons of the lines that a deleted bulk left out. */
  "bulks/erase-errors": {
    params: [bulkId: string];
    row: never;
    rows: "none";
  };
  /** Removes what callers sent and the model answered from the jobs of a deleted bulk, some lines at a time. */
  "bulks/erase-lines": {
    params: [bulkId: string, lineFrom: number, lineTo: number];
    row: never;
    rows: "none";
  };
  /** One bulk of one tenant with the names around it. */
  "bulks/find": {
    params: [id: string, tenantId: string];
    row: {
      id: string;
      queue_id: string;
      queue_name: string;
      queue_shared: boolean;
      job_type: string;
      labels: unknown;
      on_invalid: "reject" | "skip";
      accepted: number;
      invalid: number;
      single: boolean;
      retry_of: string | null;
      shared: string | null;
      created_by: string;
      created_at: Date;
      expires_at: Date;
      canceled_at: Date | null;
      canceled_by: string | null;
      finished_at: Date | null;
      deleted_at: Date | null;
      deleted_by: string | null;
      worst_nano: bigint;
      approval: "waiting" | "approved" | null;
      approved_by: string | null;
      approved_at: Date | null;
      caps: unknown;
      attempts_left: bigint | null;
      tokens_left: bigint | null;
    };
    rows: "one";
  };
  /** The row of a bulk, at the start of its upload's transaction; counts follow at the end (bulks/seal). */
  "bulks/insert": {
    params: [
      id: string,
      tenantId: string,
      queueId: string,
      jobType: string,
      shared: string | null,
      labels: string,
      onInvalid: string,
      single: boolean,
      retryOf: string | null,
      createdBy: string,
      expiresAt: Date,
      caps: string,
    ];
    row: never;
    rows: "none";
  };
  /** The highest line number of a bulk; 0 if it has none. */
  "bulks/last-line": {
    params: [bulkId: string];
    row: { line: number };
    rows: "one";
  };
  /** The bulks of one tenant, newest first. */
  "bulks/list": {
    params: [
      tenantId: string,
      queueId: string | null,
      label: string | null,
      finished: boolean | null,
      after: string | null,
      rowsMax: number,
    ];
    row: {
      id: string;
      queue_id: string;
      queue_name: string;
      queue_shared: boolean;
      job_type: string;
      labels: unknown;
      on_invalid: "reject" | "skip";
      accepted: number;
      invalid: number;
      single: boolean;
      retry_of: string | null;
      created_by: string;
      created_at: Date;
      expires_at: Date;
      canceled_at: Date | null;
      canceled_by: string | null;
      finished_at: Date | null;
      deleted_at: Date | null;
      deleted_by: string | null;
      caps: unknown;
      attempts_left: bigint | null;
      tokens_left: bigint | null;
    };
    rows: "many";
  };
  /** Marks a bulk as deleted if nothing of it can still change: every job has its outcome and no attempt is open. */
  "bulks/mark-deleted": {
    params: [id: string, tenantId: string, deletedBy: string];
    row: { open_jobs: bigint; open_attempts: bigint };
    rows: "one";
  };
  /** What the next job of each lane waits for: the first in the order in which they are taken, not a count over all of them. */
  "bulks/next-waiting": {
    params: [bulkId: string];
    row: {
      lane: "realtime" | "batch";
      wait_reason: "budget" | "rate" | "concurrency" | "pause" | "stop" | "approval" | "batch" | "fairness" | "breaker" | "schedule" | "credential" | "backlog" | null;
      not_before: Date | null;
      model: string;
      input_tokens_max: number;
      output_tokens_max: number;
      cache_write: "none" | "5m" | "1h";
      may_run_in_us: boolean;
      web_searches_max: number;
      labels: string | null;
    };
    rows: "many";
  };
  /** How fast a bulk finished lately: the instant of the outcome that lies $2 outcomes back, and how many came since. */
  "bulks/pace": {
    params: [bulkId: string, outcomesMax: number];
    row: { since: Date | null; latest: Date | null; outcomes: number };
    rows: "one";
  };
  /** Ends an upload: the counts of the bulk, and word to the dispatcher and the collector, sent with the commit. */
  "bulks/seal": {
    params: [
      id: string,
      accepted: number,
      invalid: number,
      deadlineSweepAt: Date | null,
      worstNano: bigint,
      approval: string | null,
      attemptsLeft: bigint | null,
      tokensLeft: bigint | null,
    ];
    row: { pg_notify: string | null };
    rows: "one";
  };
  /** Counts and money of some bulks by lane and state: the folded sums plus the changes since, exact at every commit. */
  "bulks/tallies": {
    params: [bulkId: readonly (string | null)[]];
    row: {
      bulk_id: string;
      lane: string;
      state: string;
      jobs: bigint;
      cost_nano: bigint;
      realtime_nano: bigint;
      presumed_nano: bigint;
    };
    rows: "many";
  };
  /** Cancels the next open jobs of a bulk, in the order of its lines, and says which message batches they were in. */
  "cancel/bulk-chunk": {
    params: [bulkId: string, afterLine: number, rowsMax: number];
    row: { canceled: number; last_line: number | null; running: number; message_batch_ids: string[] | null };
    rows: "one";
  };
  /** Cancels one job that has no outcome yet, tells its worker if it is running in the realtime lane, and writes the audit event. */
  "cancel/job": {
    params: [jobId: string, tenantId: string | null, actor: string, reason: string | null];
    row: {
      bulk_id: string;
      prior_state: "queued" | "dispatched" | "running" | "awaiting_approval" | "succeeded" | "refused" | "truncated" | "invalid_output" | "rejected" | "failed" | "expired" | "canceled";
      message_batch_id: string | null;
      canceled: boolean;
      told: string | null;
      audit_id: bigint | null;
    };
    rows: "one";
  };
  /** Writes down that a bulk is to be canceled, with the audit event; its jobs follow in chunks. */
  "cancel/mark-bulk": {
    params: [bulkId: string, tenantId: string | null, actor: string, reason: string | null];
    row: { finished_at: Date | null; marked: boolean; audit_id: bigint | null };
    rows: "one";
  };
  /** Asks for the cancellation of those message batches none of whose lines is wanted any more, and makes them due at once. */
  "cancel/message-batches": {
    params: [id: readonly (string | null)[]];
    row: { id: string };
    rows: "many";
  };
  /** Tells every worker to abort its calls of a bulk. */
  "cancel/tell-workers": {
    params: [bulkId: string];
    row: { told: string | null };
    rows: "one";
  };
  /** Bulks that were canceled but still have open jobs: whoever canceled them died half way. */
  "cancel/unfinished": {
    params: [graceMs: number, rowsMax: number];
    row: { id: string };
    rows: "many";
  };
  /** Notes on jobs that another attempt follows: what they have used and reserved, and, where it is a continuation, the turn and the request that now carries it. */
  "caps/allow-next": {
    params: [
      jobId: readonly (string | null)[],
      attemptNo: readonly (number | null)[],
      tokensUsed: readonly (bigint | null)[],
      tokensReserved: readonly (bigint | null)[],
      turn: readonly (string | null)[],
      requestBytes: readonly (number | null)[],
      requestSha256: readonly (Buffer | null)[],
      inputTokensMax: readonly (number | null)[],
    ];
    row: never;
    rows: "none";
  };
  /** Takes what further attempts need from what is left to their bulks. */
  "caps/draw": {
    params: [
      bulkId: readonly (string | null)[],
      attempts: readonly (bigint | null)[],
      tokens: readonly (bigint | null)[],
    ];
    row: never;
    rows: "none";
  };
  /** Locks bulks whose totals are capped and answers what is left of them. */
  "caps/lock-bulks": {
    params: [bulkId: readonly (string | null)[]];
    row: { id: string; attempts_left: bigint | null; tokens_left: bigint | null };
    rows: "many";
  };
  /** Locks everything that the ends of a transaction move, in the one order all ends take, and reads what the caps of those jobs are held against that are to have another attempt behind a paid one. */
  "caps/lock-jobs": {
    params: [
      jobId: readonly (string | null)[],
      attemptNo: readonly (number | null)[],
      follows: readonly (boolean | null)[],
    ];
    row: {
      id: string;
      ending_no: number;
      bulk_id: string;
      continuations: number;
      tokens_used: bigint;
      tokens_reserved: bigint | null;
      input_tokens_max: number;
      output_tokens_max: number;
      caps: unknown;
      draws: boolean;
      overtaken: boolean;
    };
    rows: "many";
  };
  /** Moves realtime jobs that may wait to the batch lane, because the ceiling in their way says so. */
  "claim/downgrade-jobs": {
    params: [jobId: readonly (string | null)[], at: Date];
    row: { id: string };
    rows: "many";
  };
  /** Ends jobs that were never sent: no price for their model, no attempts left, a job type that is gone. */
  "claim/fail-jobs": {
    params: [
      jobId: readonly (string | null)[],
      failureCode: readonly (string | null)[],
      failureFault: readonly (string | null)[],
    ];
    row: never;
    rows: "none";
  };
  /** The attempt that a claim of this process has opened for a dispatch: asked when the answer to the claim's commit was lost. */
  "claim/find-opened": {
    params: [jobId: string, dispatchNo: number, processId: string];
    row: { no: number };
    rows: "one";
  };
  /** Locks dispatched realtime jobs for a claim and reads what the call needs. */
  "claim/lock-jobs": {
    params: [jobId: readonly (string | null)[], dispatchNo: readonly (number | null)[]];
    row: {
      id: string;
      dispatch_no: number;
      tenant_id: string;
      bulk_id: string;
      queue_id: string;
      job_type: string;
      model: string;
      prompt_version: number;
      request_bytes: number;
      request_sha256: Buffer;
      input_tokens_max: number;
      output_tokens_max: number;
      cache_write: "none" | "5m" | "1h";
      may_run_in_us: boolean;
      web_searches_max: number;
      attempt_no: number;
      attempts_counted: number;
      attempts_max: number;
      tries: number;
      retry_reason: string | null;
      queued_at: Date;
      dispatched_at: Date | null;
      labels: string | null;
      may_wait: boolean;
      input_tokens_counted: number | null;
      full_cap: boolean;
      deadline_at: Date | null;
      input: string;
      turns: string[] | null;
    };
    rows: "many";
  };
  /** Puts dispatched jobs back into their queue without an attempt: a ceiling is in the way, the gate is shut, the pace says later. */
  "claim/return-jobs": {
    params: [
      jobId: readonly (string | null)[],
      dispatchNo: readonly (number | null)[],
      waitReason: readonly (string | null)[],
      notBefore: readonly (Date | null)[],
    ];
    row: never;
    rows: "none";
  };
  /** Moves claimed jobs to running and opens their attempts. */
  "claim/start-attempts": {
    params: [
      jobId: readonly (string | null)[],
      attemptNo: readonly (number | null)[],
      processId: string,
      credentialId: string,
      holdId: readonly (string | null)[],
      windowIds: readonly (string | null)[],
      worstNano: readonly (bigint | null)[],
      priceId: readonly (string | null)[],
      priceAt: Date,
      inputTokensMax: readonly (number | null)[],
      outputTokensMax: readonly (number | null)[],
    ];
    row: never;
    rows: "none";
  };
  /** Makes the row of each model that is counted for the first time: settlements judge rows that are there. */
  "count/know-models": {
    params: [model: readonly (string | null)[]];
    row: never;
    rows: "none";
  };
  /** Writes counts to their jobs while these wait without one; 0 says that a request is none the provider counts. */
  "count/store": {
    params: [jobId: readonly (string | null)[], tokens: readonly (number | null)[]];
    row: { id: string };
    rows: "many";
  };
  /** Takes the models that have switched themselves off and nobody has been told of. */
  "count/take-off": {
    params: [];
    row: { model: string; off_reason: string; off_at: Date | null };
    rows: "many";
  };
  /** Begins anew with the counts of a model: on, without samples, with this margin. */
  "count/trust-again": {
    params: [model: string, marginBp: number];
    row: { model: string };
    rows: "one";
  };
  /** How far the counts of each model can be believed. */
  "count/trusts": {
    params: [];
    row: {
      model: string;
      margin_bp: number;
      samples: bigint;
      worst_bp: bigint;
      since: Date;
      off_at: Date | null;
      off_reason: string | null;
    };
    rows: "many";
  };
  /** Waiting jobs for which a ceiling had no room and whose requests the provider has not counted yet, the oldest of each model behind the last one looked at. */
  "count/waiting": {
    params: [model: readonly (string | null)[], afterId: readonly (string | null)[], jobsMax: number];
    row: {
      id: string;
      tenant_id: string;
      queue_id: string;
      bulk_id: string;
      job_type: string;
      model: string;
      prompt_version: number;
      request_sha256: Buffer;
      labels: string | null;
      input: string;
    };
    rows: "many";
  };
  /** A person lifts what holds a model back, for every credential, with the audit event; the lanes look at once. */
  "credentials/allow-model": {
    params: [model: string, actor: string, reason: string];
    row: { credential_id: string; audit_id: bigint; told: string };
    rows: "many";
  };
  /** A credential's state, with the models it may not use: when each was refused last, when it was last tried, and which jobs were refused last. */
  "credentials/find": {
    params: [id: string, jobsMax: number];
    row: {
      id: string;
      name: string;
      stopped_at: Date | null;
      stop_reason: string | null;
      models: string[];
      refused_at: Date[];
      tried_at: Date[];
      jobs: string[];
    };
    rows: "one";
  };
  /** The models that are held back, with the credential that may not use them. */
  "credentials/list-refused": {
    params: [];
    row: {
      model: string;
      credential_id: string;
      credential_name: string;
      since: Date;
      refused_at: Date;
      probed_at: Date | null;
    };
    rows: "many";
  };
  /** Notes that refused models are being tried again: the next try is counted from now. */
  "credentials/probe-models": {
    params: [credentialId: string, models: readonly (string | null)[], now: Date];
    row: never;
    rows: "none";
  };
  /** Forgets suspected jobs that were refused before an instant; those that still wait begin anew. */
  "credentials/prune-suspects": {
    params: [before: Date, rowsMax: number];
    row: never;
    rows: "none";
  };
  /** Holds a model back that the provider refuses to a credential. */
  "credentials/refuse-model": {
    params: [
      credentialId: string,
      model: string,
      now: Date,
      togetherMs: number,
      stopReason: string,
      proved: boolean,
      jobId: readonly (string | null)[],
      jobsMax: number,
    ];
    row: { id: string };
    rows: "one";
  };
  /** A call that was sent at $2 has succeeded: the stop of its credential is lifted if it is older, and so is what holds its models back. */
  "credentials/resume": {
    params: [id: string, sentAt: Date, models: readonly (string | null)[]];
    row: never;
    rows: "none";
  };
  /** Stops a credential whose key, credit or spend limit the provider refuses. */
  "credentials/stop": {
    params: [id: string, stopReason: string];
    row: never;
    rows: "none";
  };
  /** Suspects jobs that were refused while their model answered others, once more each. */
  "credentials/suspect-jobs": {
    params: [jobId: readonly (string | null)[], now: Date];
    row: never;
    rows: "none";
  };
  /** How often the model of these jobs has answered others after it had refused them; jobs of which it never did are left out. */
  "credentials/suspects": {
    params: [jobId: readonly (string | null)[]];
    row: { job_id: string; times: number };
    rows: "many";
  };
  /** How many realtime jobs are dispatched and due, how many wait in the queue for their time, and how many calls have ended with a bill since the last look: what was given back or requeued has left the window and was no work done. */
  "dispatch/count-window": {
    params: [after: bigint | null];
    row: { due: number; delayed: number; ended: number; newest: bigint };
    rows: "one";
  };
  /** Moves queued jobs to dispatched under a new dispatch number, if this dispatcher still holds its lease. */
  "dispatch/dispatch": {
    params: [jobId: readonly (string | null)[], holder: string, epoch: bigint, leaseMs: number];
    row: {
      id: string;
      dispatch_no: number;
      not_before: Date | null;
      tenant_id: string;
      bulk_id: string;
      queue_id: string;
      job_type: string;
      model: string;
    };
    rows: "many";
  };
  /** What the jobs of a bulk share, and the caps they were accepted under, to prepare them. */
  "dispatch/find-shared": {
    params: [bulkId: string];
    row: { shared: string | null; caps: unknown };
    rows: "one";
  };
  /** Locks the next queued realtime jobs of several bulks, by priority and age, so many of each. */
  "dispatch/lock-queued": {
    params: [
      bulkId: readonly (string | null)[],
      jobsMax: readonly (number | null)[],
      horizon: Date,
      now: Date,
      closedModels: readonly (string | null)[],
      fullLabel: readonly (string | null)[],
      fullTenant: readonly (string | null)[],
      remembered: readonly (string | null)[],
    ];
    row: {
      id: string;
      tenant_id: string;
      bulk_id: string;
      queue_id: string;
      job_type: string;
      model: string;
      input_tokens_max: number;
      output_tokens_max: number;
      cache_write: "none" | "5m" | "1h";
      may_run_in_us: boolean;
      web_searches_max: number;
      not_before: Date | null;
      priority: number;
      wait_reason: "budget" | "rate" | "concurrency" | "pause" | "stop" | "approval" | "batch" | "fairness" | "breaker" | "schedule" | "credential" | "backlog" | null;
      labels: string | null;
      may_wait: boolean;
      prompt_version: number;
      input_tokens_counted: number | null;
      full_cap: boolean;
      deadline_at: Date | null;
      attempts_counted: number;
      attempts_max: number;
    };
    rows: "many";
  };
  /** Locks, of jobs whose refusal is remembered, those that are queued in these bulks and due, as dispatch/lock-queued does with others. */
  "dispatch/lock-remembered": {
    params: [jobId: readonly (string | null)[], bulkId: readonly (string | null)[], horizon: Date, now: Date];
    row: {
      id: string;
      tenant_id: string;
      bulk_id: string;
      queue_id: string;
      job_type: string;
      model: string;
      input_tokens_max: number;
      output_tokens_max: number;
      cache_write: "none" | "5m" | "1h";
      may_run_in_us: boolean;
      web_searches_max: number;
      not_before: Date | null;
      priority: number;
      wait_reason: "budget" | "rate" | "concurrency" | "pause" | "stop" | "approval" | "batch" | "fairness" | "breaker" | "schedule" | "credential" | "backlog" | null;
      labels: string | null;
      may_wait: boolean;
      prompt_version: number;
      input_tokens_counted: number | null;
      full_cap: boolean;
      deadline_at: Date | null;
      attempts_counted: number;
      attempts_max: number;
    };
    rows: "many";
  };
  /** Writes down that queued jobs are held by a pause, a stop or a refused model, once. */
  "dispatch/mark-held": {
    params: [jobId: readonly (string | null)[], waitReason: string];
    row: never;
    rows: "none";
  };
  /** Writes down that queued jobs wait for a budget. */
  "dispatch/mark-waiting": {
    params: [jobId: readonly (string | null)[], restUntil: Date];
    row: never;
    rows: "none";
  };
  /** The bulks that have realtime jobs queued, with how many, and how many realtime jobs of their whole queue are out: also those of bulks that have nothing queued any more, as a single job has not once it is dispatched. */
  "dispatch/waiting-bulks": {
    params: [bulksMax: number];
    row: {
      bulk_id: string;
      tenant_id: string;
      queue_id: string;
      job_type: string;
      concurrency_max: number | null;
      waiting: number;
      out: number;
    };
    rows: "many";
  };
  /** A bulk's scope and end, and what its next waiting job in each lane says it waits for: a bulk that waits for a second person, for that. */
  "entries/bulk": {
    params: [bulkId: readonly (string | null)[]];
    row: {
      id: string;
      tenant_id: string;
      queue_id: string;
      job_type: string;
      accepted: number;
      canceled_at: Date | null;
      finished_at: Date | null;
      deleted_at: Date | null;
      realtime_wait: string | null;
      batch_wait: string | null;
    };
    rows: "many";
  };
  /** Queues with the names that their BullMQ queue is made of, the latest first. */
  "entries/queues": {
    params: [queueId: string | null, rowsMax: number];
    row: { id: string; tenant_id: string; tenant_name: string; name: string; owner: string };
    rows: "many";
  };
  /** The unfinished bulks of every queue, the oldest first, so many of each queue. */
  "entries/unfinished": {
    params: [perQueueMax: number, queuesMax: number];
    row: { bulk_id: string; queue_id: string };
    rows: "many";
  };
  /** Unfinished bulks past their maximum age, or with a deadline that may have passed, that have waiting jobs: the counts say so without a look at the jobs. */
  "expiry/due-bulks": {
    params: [rowsMax: number];
    row: { id: string; aged: boolean };
    rows: "many";
  };
  /** Expires waiting jobs of a bulk: all of them when it is past its maximum age, else those past a deadline of their own whose job type says that a late answer is worth nothing. */
  "expiry/expire-chunk": {
    params: [bulkId: string, aged: boolean, rowsMax: number];
    row: { expired: number };
    rows: "one";
  };
  /** Notes when a bulk has to be looked at again for deadlines: at the earliest one still open, but not at once again, since jobs under way may be past theirs and only count when they come back. */
  "expiry/next-deadline": {
    params: [bulkId: string, gapMs: number];
    row: never;
    rows: "none";
  };
  /** Forgets idempotency records that have outlived their time. */
  "expiry/prune-idempotency": {
    params: [rowsMax: number];
    row: never;
    rows: "none";
  };
  /** Finds the queue that a pause is meant for: by id, or by its own tenant and name (a shared queue belongs to the installation). */
  "flags/find-queue": {
    params: [id: string | null, tenantId: string | null, name: string | null];
    row: { id: string; tenant_id: string; name: string };
    rows: "one";
  };
  /** Lifts the open pause of a scope and target, with its audit event. */
  "flags/lift-pause": {
    params: [
      scope: string,
      target: string,
      actor: string,
      reason: string | null,
      notSetBy: readonly (string | null)[],
    ];
    row: {
      id: string;
      tenant_id: string;
      kind: "pause" | "stop";
      scope: "global" | "tenant" | "queue" | "job_type" | "model" | "bulk";
      target: string;
      mode: "drain" | "abort" | "abort_and_cancel" | null;
      reason: string;
      set_by: string;
      set_at: Date;
      audit_id: bigint;
    };
    rows: "one";
  };
  /** The open flags of one tenant, or all of them, from the widest scope to the narrowest. */
  "flags/list-open": {
    params: [tenantId: string | null];
    row: {
      id: string;
      tenant_id: string;
      kind: "pause" | "stop";
      scope: "global" | "tenant" | "queue" | "job_type" | "model" | "bulk";
      target: string;
      mode: "drain" | "abort" | "abort_and_cancel" | null;
      reason: string;
      set_by: string;
      set_at: Date;
    };
    rows: "many";
  };
  /** Reads the version of the flags, how long the lease of this process still runs, and, if the version is not the one known, all open flags. */
  "flags/read": {
    params: [knownVersion: bigint, processId: string];
    row: {
      version: bigint;
      lease_left_ms: number | null;
      id: string | null;
      tenant_id: string | null;
      kind: "pause" | "stop" | null;
      scope: "global" | "tenant" | "queue" | "job_type" | "model" | "bulk" | null;
      target: string | null;
      mode: "drain" | "abort" | "abort_and_cancel" | null;
      reason: string | null;
      set_by: string | null;
      set_at: Date | null;
    };
    rows: "many";
  };
  /** Opens a pause with its audit event. */
  "flags/set-pause": {
    params: [id: string, tenantId: string, scope: string, target: string, reason: string, actor: string];
    row: {
      id: string;
      tenant_id: string;
      kind: "pause" | "stop";
      scope: "global" | "tenant" | "queue" | "job_type" | "model" | "bulk";
      target: string;
      mode: "drain" | "abort" | "abort_and_cancel" | null;
      reason: string;
      set_by: string;
      set_at: Date;
      audit_id: bigint;
    };
    rows: "one";
  };
  /** Writes holds and their parts, one part for each window the money is reserved in. */
  "holds/insert": {
    params: [
      id: readonly (string | null)[],
      tenantId: readonly (string | null)[],
      ownerKind: readonly (string | null)[],
      ownerId: readonly (string | null)[],
      reason: readonly (string | null)[],
      amountNano: readonly (bigint | null)[],
      expiresAt: readonly (Date | null)[],
      partHoldId: readonly (string | null)[],
      partWindowId: readonly (bigint | null)[],
      partNano: readonly (bigint | null)[],
    ];
    row: never;
    rows: "none";
  };
  /** Claims an Idempotency-Key for one request. */
  "idempotency/claim": {
    params: [
      tenantId: string,
      key: string,
      route: string,
      processId: string,
      expiresAt: Date,
      runningHere: boolean,
    ];
    row: { claimed_at: string };
    rows: "one";
  };
  /** What is known of an Idempotency-Key that somebody else holds. */
  "idempotency/find": {
    params: [tenantId: string, key: string];
    row: { route: string; body_sha256: Buffer | null; status: number | null; answer: string | null };
    rows: "one";
  };
  /** Gives a claim back: nothing was accepted under it, and the same key may be sent again. */
  "idempotency/release": {
    params: [tenantId: string, key: string, processId: string, claimedAt: string];
    row: never;
    rows: "none";
  };
  /** Stores the answer of the request that holds the claim, in the transaction of the work itself. */
  "idempotency/seal": {
    params: [
      tenantId: string,
      key: string,
      processId: string,
      claimedAt: string,
      bodySha256: Buffer,
      status: number,
      answer: string,
    ];
    row: { key: string };
    rows: "one";
  };
  /** Lets the transaction of an upload wait for its caller: between two chunks a slow network may take minutes. */
  "intake/allow-pauses": {
    params: [timeoutMs: string];
    row: { set_config: string | null };
    rows: "one";
  };
  /** The lines a skip upload left out and why, in order. */
  "intake/errors": {
    params: [bulkId: string, afterLine: number, afterN: number, rowsMax: number];
    row: { line: number; n: number; field: string; reason: string };
    rows: "many";
  };
  /** Remembers why lines of a skip upload were left out. */
  "intake/insert-errors": {
    params: [
      bulkId: string,
      tenantId: string,
      line: readonly (number | null)[],
      n: readonly (number | null)[],
      field: readonly (string | null)[],
      reason: readonly (string | null)[],
    ];
    row: never;
    rows: "none";
  };
  /** Stores a chunk of accepted lines: hot rows and inputs. */
  "intake/insert-jobs": {
    params: [
      bulkId: string,
      tenantId: string,
      queueId: string,
      jobType: string,
      attemptsMax: number,
      expiresAtDeadline: boolean,
      id: readonly (string | null)[],
      line: readonly (number | null)[],
      key: readonly (string | null)[],
      lane: readonly (string | null)[],
      urgency: readonly (string | null)[],
      deadlineAt: readonly (Date | null)[],
      priority: readonly (number | null)[],
      labels: readonly (string | null)[],
      model: readonly (string | null)[],
      promptVersion: readonly (number | null)[],
      requestBytes: readonly (number | null)[],
      requestSha256: readonly (string | null)[],
      inputTokensMax: readonly (number | null)[],
      outputTokensMax: readonly (number | null)[],
      cacheWrite: readonly (string | null)[],
      mayRunInUs: readonly (boolean | null)[],
      retryOf: readonly (string | null)[],
      input: readonly (string | null)[],
      mayWait: readonly (boolean | null)[],
      webSearchesMax: readonly (number | null)[],
      fullCap: boolean,
    ];
    row: { line: number };
    rows: "many";
  };
  /** Jobs of a bulk that ended in certain ways, with their inputs, in line order: the lines of a retry. */
  "intake/retry-source": {
    params: [
      bulkId: string,
      outcome: readonly (string | null)[],
      afterLine: number,
      toLine: number,
      rowsMax: number,
    ];
    row: {
      id: string;
      line: number;
      key: string | null;
      urgency: "now" | "whenever";
      priority: number;
      labels: unknown;
      input: string;
    };
    rows: "many";
  };
  /** Remembers a job type and its owner. */
  "job-types/register": {
    params: [name: readonly (string | null)[], owner: readonly (string | null)[]];
    row: never;
    rows: "none";
  };
  /** Remembers prompt versions and answers what is on record for each: a version whose text changed differs from what was given. */
  "job-types/register-prompts": {
    params: [
      jobType: readonly (string | null)[],
      version: readonly (number | null)[],
      sha256: readonly (string | null)[],
    ];
    row: { job_type: string; version: number };
    rows: "many";
  };
  /** The attempts of one job, in order: the trace of everything that was tried for it. */
  "jobs-read/attempts": {
    params: [jobId: string, tenantId: string];
    row: {
      no: number;
      lane: "realtime" | "batch";
      state: "open" | "settled" | "presumed" | "unpaid";
      outcome: string | null;
      retry_reason: string | null;
      credential_id: string;
      message_batch_id: string | null;
      job_type: string;
      prompt_version: number;
      model: string;
      request_sha256: Buffer;
      request_bytes: number;
      prompt_masked: string | null;
      answer_sha256: Buffer | null;
      answer_masked: string | null;
      http_status: number | null;
      error_type: string | null;
      request_id: string | null;
      stop_reason: string | null;
      usage: unknown;
      worst_nano: bigint;
      cost_nano: bigint | null;
      realtime_nano: bigint | null;
      price_id: string;
      guard_verdict: string;
      input_tokens_max: number | null;
      output_tokens_max: number | null;
      queued_at: Date;
      dispatched_at: Date | null;
      claimed_at: Date;
      sent_at: Date | null;
      answered_at: Date | null;
      recorded_at: Date | null;
      late: boolean;
    };
    rows: "many";
  };
  /** One job of one tenant with its result; result and key are gone once its bulk was deleted. */
  "jobs-read/find": {
    params: [id: string, tenantId: string];
    row: {
      id: string;
      bulk_id: string;
      queue_id: string;
      queue_name: string;
      queue_shared: boolean;
      line: number;
      key: string | null;
      job_type: string;
      lane: "realtime" | "batch";
      urgency: "now" | "whenever";
      deadline_at: Date | null;
      downgraded_at: Date | null;
      input_tokens_max: number;
      output_tokens_max: number;
      cache_write: "none" | "5m" | "1h";
      may_run_in_us: boolean;
      web_searches_max: number;
      priority: number;
      labels: unknown;
      state: "queued" | "dispatched" | "running" | "awaiting_approval" | "succeeded" | "refused" | "truncated" | "invalid_output" | "rejected" | "failed" | "expired" | "canceled";
      wait_reason: string | null;
      not_before: Date | null;
      attempts_paid: number;
      tries: number;
      continuations: number;
      attempts_max: number;
      retry_reason: string | null;
      cancel_requested_at: Date | null;
      message_batch_id: string | null;
      model: string;
      prompt_version: number;
      failure_code: string | null;
      failure_fault: "caller" | "provider" | "sluice" | "policy" | null;
      retry_of: string | null;
      cost_nano: bigint;
      realtime_nano: bigint;
      presumed_nano: bigint;
      created_at: Date;
      queued_at: Date;
      dispatched_at: Date | null;
      finished_at: Date | null;
      expires_at: Date;
      deleted_at: Date | null;
      output: string | null;
      confidence: number | null;
      abstained: "uncertain" | "out_of_scope" | "ambiguous" | "no_answer" | null;
      decided_by: "model" | "person" | "static" | "cache" | null;
      reason: string | null;
    };
    rows: "one";
  };
  /** The lowest finish number of a bulk; 0 if nothing of it is finished. */
  "jobs-read/first-finish": {
    params: [bulkId: string];
    row: { seq: bigint };
    rows: "one";
  };
  /** The highest finish number of a bulk; 0 if nothing of it is finished. */
  "jobs-read/last-finish": {
    params: [bulkId: string];
    row: { seq: bigint };
    rows: "one";
  };
  /** Jobs of one tenant: the newest bulk first, inside a bulk in the order of its lines. */
  "jobs-read/list": {
    params: [
      tenantId: string,
      queueId: string | null,
      bulkId: string | null,
      state: readonly (string | null)[] | null,
      label: string | null,
      afterBulk: string | null,
      afterLine: number,
      rowsMax: number,
    ];
    row: {
      id: string;
      bulk_id: string;
      queue_name: string;
      queue_shared: boolean;
      line: number;
      key: string | null;
      job_type: string;
      lane: "realtime" | "batch";
      urgency: "now" | "whenever";
      deadline_at: Date | null;
      priority: number;
      labels: unknown;
      state: "queued" | "dispatched" | "running" | "awaiting_approval" | "succeeded" | "refused" | "truncated" | "invalid_output" | "rejected" | "failed" | "expired" | "canceled";
      wait_reason: "budget" | "rate" | "concurrency" | "pause" | "stop" | "approval" | "batch" | "fairness" | "breaker" | "schedule" | "credential" | "backlog" | null;
      attempts_paid: number;
      failure_code: string | null;
      failure_fault: "caller" | "provider" | "sluice" | "policy" | null;
      retry_of: string | null;
      cost_nano: bigint;
      created_at: Date;
      finished_at: Date | null;
    };
    rows: "many";
  };
  /** Finished jobs of a bulk within a range of finish numbers, in their order. */
  "jobs-read/results-by-finish": {
    params: [bulkId: string, afterSeq: bigint, toSeq: bigint, rowsMax: number];
    row: {
      line: number;
      finish_seq: bigint;
      key: string | null;
      id: string;
      state: "queued" | "dispatched" | "running" | "awaiting_approval" | "succeeded" | "refused" | "truncated" | "invalid_output" | "rejected" | "failed" | "expired" | "canceled";
      output: string | null;
      confidence: number | null;
      abstained: "uncertain" | "out_of_scope" | "ambiguous" | "no_answer" | null;
      decided_by: "model" | "person" | "static" | "cache" | null;
      reason: string | null;
      failure_code: string | null;
      failure_fault: "caller" | "provider" | "sluice" | "policy" | null;
      cost_nano: bigint;
      attempts_paid: number;
    };
    rows: "many";
  };
  /** Finished jobs of a bulk within a range of lines, in their order. */
  "jobs-read/results-by-line": {
    params: [
      bulkId: string,
      outcome: readonly (string | null)[],
      afterLine: number,
      toLine: number,
      rowsMax: number,
    ];
    row: {
      line: number;
      finish_seq: bigint;
      key: string | null;
      id: string;
      state: "queued" | "dispatched" | "running" | "awaiting_approval" | "succeeded" | "refused" | "truncated" | "invalid_output" | "rejected" | "failed" | "expired" | "canceled";
      output: string | null;
      confidence: number | null;
      abstained: "uncertain" | "out_of_scope" | "ambiguous" | "no_answer" | null;
      decided_by: "model" | "person" | "static" | "cache" | null;
      reason: string | null;
      failure_code: string | null;
      failure_fault: "caller" | "provider" | "sluice" | "policy" | null;
      cost_nano: bigint;
      attempts_paid: number;
    };
    rows: "many";
  };
  /** The key in force behind a secret, with the tenant it belongs to. */
  "keys/find-by-secret": {
    params: [secretSha256: Buffer];
    row: {
      id: string;
      tenant_id: string;
      tenant_name: string;
      holder_kind: "person" | "service";
      holder_name: string;
      scopes: string[];
    };
    rows: "one";
  };
  /** Creates a key; only the hash of its secret is stored. */
  "keys/insert": {
    params: [
      id: string,
      tenantId: string,
      holderKind: string,
      holderName: string,
      scopes: readonly (string | null)[],
      secretSha256: Buffer,
      secretHint: string,
      createdBy: string,
    ];
    row: { created_at: Date };
    rows: "one";
  };
  /** The keys of one tenant, or of all where $1 is null, newest first; revoked ones too, because somebody will ask. */
  "keys/list": {
    params: [tenantId: string | null, after: string | null, rowsMax: number];
    row: {
      id: string;
      tenant_id: string;
      tenant_name: string;
      holder_kind: "person" | "service";
      holder_name: string;
      scopes: string[];
      secret_hint: string;
      created_by: string;
      created_at: Date;
      revoked_by: string | null;
      revoked_at: Date | null;
    };
    rows: "many";
  };
  /** Revokes a key. */
  "keys/revoke": {
    params: [id: string, tenantId: string | null, revokedBy: string];
    row: { tenant_id: string; now: boolean };
    rows: "one";
  };
  /** Takes a lease that is free, has ended, or is one's own. */
  "leases/acquire": {
    params: [name: string, holder: string, ttlMs: number];
    row: { epoch: bigint };
    rows: "one";
  };
  /** Gives a lease back before its end, so that the next holder need not wait. */
  "leases/release": {
    params: [name: string, holder: string, epoch: bigint];
    row: never;
    rows: "none";
  };
  /** Renews a lease that nobody has taken since. */
  "leases/renew": {
    params: [name: string, holder: string, epoch: bigint, ttlMs: number];
    row: never;
    rows: "none";
  };
  /** Locks the next waiting lines of several bulks, by priority and age, so many of each. */
  "message-batches/choose-lines": {
    params: [
      bulkId: readonly (string | null)[],
      linesMax: readonly (number | null)[],
      now: Date,
      closedModels: readonly (string | null)[],
    ];
    row: {
      id: string;
      tenant_id: string;
      bulk_id: string;
      queue_id: string;
      job_type: string;
      model: string;
      request_bytes: number;
      input_tokens_max: number;
      output_tokens_max: number;
      cache_write: "none" | "5m" | "1h";
      may_run_in_us: boolean;
      web_searches_max: number;
      attempt_no: number;
      tries: number;
      retry_reason: string | null;
      wait_reason: "budget" | "rate" | "concurrency" | "pause" | "stop" | "approval" | "batch" | "fairness" | "breaker" | "schedule" | "credential" | "backlog" | null;
      queued_at: Date;
      labels: string | null;
      prompt_version: number;
      input_tokens_counted: number | null;
      full_cap: boolean;
      deadline_at: Date | null;
      attempts_counted: number;
      attempts_max: number;
    };
    rows: "many";
  };
  /** Which of the provider's batch ids are spoken for: stored with a message batch of ours, or proved to be somebody else's. */
  "message-batches/claimed-ids": {
    params: [credentialId: string, providerId: readonly (string | null)[]];
    row: { provider_id: string };
    rows: "many";
  };
  /** Ends a message batch of which nothing is at the provider, once all its lines have gone back. */
  "message-batches/close-unsent": {
    params: [id: string, processId: string, fromState: string, toState: string, now: Date];
    row: { id: string };
    rows: "one";
  };
  /** Counts a complete listing without a candidate. */
  "message-batches/count-clear-listing": {
    params: [id: string, processId: string, listedAt: Date];
    row: never;
    rows: "none";
  };
  /** The results show that an adopted batch is somebody else's: it is never looked at again, and ours is as unknown as before. */
  "message-batches/disown": {
    params: [id: string, processId: string, toState: string, now: Date];
    row: { id: string };
    rows: "one";
  };
  /** Moves chosen lines into a message batch and opens their attempts. */
  "message-batches/dispatch-lines": {
    params: [
      jobId: readonly (string | null)[],
      worstNano: readonly (bigint | null)[],
      priceId: readonly (string | null)[],
      windowIds: readonly (string | null)[],
      messageBatchId: string,
      holdId: string,
      credentialId: string,
      processId: string,
      now: Date,
      requestBytes: readonly (number | null)[],
      inputTokensMax: readonly (number | null)[],
      outputTokensMax: readonly (number | null)[],
    ];
    row: never;
    rows: "none";
  };
  /** The end of a creation is unknown to its own process. */
  "message-batches/doubt-create": {
    params: [id: string, createTries: number, now: Date];
    row: { id: string };
    rows: "one";
  };
  /** Puts a creation whose lease has ended in doubt: its process is dead or frozen, and nobody else knows whether it was sent. */
  "message-batches/doubt-lost-create": {
    params: [id: string, now: Date];
    row: { id: string };
    rows: "one";
  };
  /** Gives a message batch back after a step and says when it is due again; the number names that wake-up. */
  "message-batches/end-step": {
    params: [id: string, processId: string, nextPollAt: Date, cancelKnown: boolean];
    row: {
      id: string;
      state: "intent" | "creating" | "created" | "ended" | "ingested" | "doubtful" | "refused" | "void";
      wake_no: number;
      next_poll_at: Date | null;
    };
    rows: "one";
  };
  /** Ends lines whose model has no price: work whose cost is not known is refused, and nothing was sent. */
  "message-batches/fail-unpriced": {
    params: [jobId: readonly (string | null)[]];
    row: never;
    rows: "none";
  };
  /** Ends a message batch whose rows have been counted against the provider's counts and whose every line has its end. */
  "message-batches/finish-ingest": {
    params: [id: string, processId: string, now: Date, ingestedLines: number];
    row: { id: string };
    rows: "one";
  };
  /** A void message batch that the provider has after all: canceled, so that it costs as little as possible, and harvested. */
  "message-batches/found-late": {
    params: [
      id: string,
      providerId: string,
      providerCreatedAt: Date,
      providerExpiresAt: Date,
      now: Date,
      unproved: boolean,
    ];
    row: { id: string; wake_no: number };
    rows: "one";
  };
  /** Decides that a doubtful message batch is absent: nobody adopts it any more, its lines go back next, its hold gets its end. */
  "message-batches/give-up": {
    params: [id: string, processId: string, holdUntil: Date];
    row: { id: string };
    rows: "one";
  };
  /** Writes the intent of a message batch; the last statement of its transaction, behind the hold it names. */
  "message-batches/insert": {
    params: [
      id: string,
      tenantId: string,
      queueId: string,
      credentialId: string,
      lineCount: number,
      bodyBytes: bigint,
      holdId: string,
      now: Date,
    ];
    row: never;
    rows: "none";
  };
  /** Whether a batch in the workspace of this credential was ever proved to be somebody else's. */
  "message-batches/knows-others": {
    params: [credentialId: string];
    row: { known: boolean };
    rows: "one";
  };
  /** The inputs of some lines that are too large to be read with all others. */
  "message-batches/large-inputs": {
    params: [jobId: readonly (string | null)[]];
    row: { job_id: string; input: string };
    rows: "many";
  };
  /** The lines of a message batch with their sizes and whether each is still wanted: not one that was canceled, nor one whose money was held by a count of the provider that is no bound any more. */
  "message-batches/line-plan": {
    params: [messageBatchId: string];
    row: { job_id: string; no: number; request_bytes: number; wanted: boolean };
    rows: "many";
  };
  /** What some lines are rendered from, in the order of jobs: the request as it was accepted and bounded, and the size and the cap it is sent with. */
  "message-batches/line-requests": {
    params: [jobId: readonly (string | null)[]];
    row: {
      id: string;
      bulk_id: string;
      job_type: string;
      prompt_version: number;
      request_sha256: Buffer;
      declared_tokens: number;
      output_tokens_max: number | null;
      input_tokens_max: number;
      cache_write: "none" | "5m" | "1h";
      may_run_in_us: boolean;
      web_searches_max: number;
      request_bytes: number;
      input: string;
      turns: string[] | null;
    };
    rows: "many";
  };
  /** The different scopes of work in a message batch: what the gate is asked about before it is sent. */
  "message-batches/line-scopes": {
    params: [messageBatchId: string];
    row: { tenant_id: string; queue_id: string; bulk_id: string; job_type: string; model: string };
    rows: "many";
  };
  /** Lets one transaction at a time form message batches of a credential, so that two never choose the same number of lines. */
  "message-batches/lock-collecting": {
    params: [credentialId: string];
    row: { locked: boolean };
    rows: "one";
  };
  /** Ends a message batch whose results can never be fetched, once every line has been ended without them. */
  "message-batches/lose-results": {
    params: [id: string, processId: string, now: Date];
    row: { id: string };
    rows: "one";
  };
  /** Writes down that the provider was asked to cancel. */
  "message-batches/mark-cancel-sent": {
    params: [id: string, now: Date];
    row: never;
    rows: "none";
  };
  /** Writes down that an intent is not to be sent: whoever goes on with it only sends its lines back. */
  "message-batches/mark-dissolving": {
    params: [id: string, processId: string, errorCode: string];
    row: { id: string };
    rows: "one";
  };
  /** Writes down that queued lines wait for a budget. */
  "message-batches/mark-waiting": {
    params: [jobId: readonly (string | null)[], restUntil: Date];
    row: never;
    rows: "none";
  };
  /** The message batches of a credential that are not known to the provider yet, with the numbers of lines they occupy. */
  "message-batches/open-counts": {
    params: [credentialId: string];
    row: {
      line_count: number;
      state: "intent" | "creating" | "created" | "ended" | "ingested" | "doubtful" | "refused" | "void";
      create_tries: number;
      next_poll_at: Date | null;
    };
    rows: "many";
  };
  /** The open attempts of a message batch whose lines are to go back or to end without results, some at a time. */
  "message-batches/open-lines": {
    params: [messageBatchId: string, rowsMax: number];
    row: {
      job_id: string;
      no: number;
      worst_nano: bigint;
      tries: number;
      attempts_counted: number;
      attempts_max: number;
      cancel_requested_at: Date | null;
    };
    rows: "many";
  };
  /** How far a message batch has come, for display. */
  "message-batches/progress": {
    params: [id: string];
    row: {
      state: "intent" | "creating" | "created" | "ended" | "ingested" | "doubtful" | "refused" | "void";
      line_count: number;
      count_processing: number;
      count_succeeded: number;
      count_errored: number;
      count_canceled: number;
      count_expired: number;
      ingested_lines: number;
    };
    rows: "one";
  };
  /** The batch that was adopted is ours, by its creator's own answer or because nobody else works in the workspace: a cancellation that waited for that is due. */
  "message-batches/prove": {
    params: [id: string, providerId: string, now: Date];
    row: { id: string };
    rows: "one";
  };
  /** Counts a poll or download that failed; never a reason to give up. */
  "message-batches/record-failure": {
    params: [id: string, processId: string];
    row: { poll_failures: number };
    rows: "one";
  };
  /** Shows how far the results have been stored. */
  "message-batches/record-ingest": {
    params: [id: string, processId: string, ingestedLines: number, paidTwice: number];
    row: { id: string };
    rows: "one";
  };
  /** Writes what a poll has shown. */
  "message-batches/record-poll": {
    params: [
      id: string,
      processId: string,
      processingStatus: string,
      countProcessing: number,
      countSucceeded: number,
      countErrored: number,
      countCanceled: number,
      countExpired: number,
      now: Date,
    ];
    row: {
      id: string;
      tenant_id: string;
      queue_id: string;
      credential_id: string;
      state: "intent" | "creating" | "created" | "ended" | "ingested" | "doubtful" | "refused" | "void";
      line_count: number;
      body_bytes: bigint;
      hold_id: string;
      provider_id: string | null;
      adopted: boolean;
      process_id: string | null;
      lease_until: Date | null;
      create_started_at: Date | null;
      create_tries: number;
      doubtful_since: Date | null;
      clear_listings: number;
      last_clear_listing_at: Date | null;
      processing_status: "in_progress" | "canceling" | "ended" | null;
      provider_created_at: Date | null;
      provider_expires_at: Date | null;
      count_processing: number;
      count_succeeded: number;
      count_errored: number;
      count_canceled: number;
      count_expired: number;
      cancel_requested_at: Date | null;
      cancel_sent_at: Date | null;
      next_poll_at: Date | null;
      wake_no: number;
      poll_failures: number;
      ingested_lines: number;
      paid_twice: number;
      error_code: string | null;
      created_at: Date;
      ended_at: Date | null;
      ingested_at: Date | null;
      stop_id: string | null;
      unproved: boolean;
    };
    rows: "one";
  };
  /** Releases what is left of the money of void message batches when no bill for them can come any more; those that were found after all and harvested included. */
  "message-batches/release-void-holds": {
    params: [now: Date, rowsMax: number];
    row: { id: string };
    rows: "many";
  };
  /** Prolongs the lease of a step that is still at work. */
  "message-batches/renew-step": {
    params: [id: string, processId: string, leaseUntil: Date, now: Date];
    row: { id: string };
    rows: "one";
  };
  /** What some result lines are settled with: their attempts in this batch, their jobs, and the inputs of those that are small. */
  "message-batches/result-lines": {
    params: [messageBatchId: string, jobId: readonly (string | null)[], inputBytesMax: number];
    row: {
      job_id: string;
      no: number;
      state: "open" | "settled" | "presumed" | "unpaid";
      worst_nano: bigint;
      price_id: string;
      bulk_id: string;
      job_type: string;
      model: string;
      prompt_version: number;
      request_bytes: number;
      tries: number;
      cancel_requested_at: Date | null;
      is_capped: boolean;
      input: string | null;
      continues_open: boolean;
      turns: string[] | null;
    };
    rows: "many";
  };
  /** Takes a creation back that certainly reached nobody: its lines and its hold stay, it is sent again later. */
  "message-batches/return-intent": {
    params: [id: string, createTries: number, nextPollAt: Date, errorCode: string | null];
    row: { id: string };
    rows: "one";
  };
  /** The point of no return: from here on the request may leave. */
  "message-batches/start-create": {
    params: [id: string, processId: string, now: Date, leaseUntil: Date];
    row: { create_tries: number };
    rows: "one";
  };
  /** Lines whose message batch is known to the provider are running. */
  "message-batches/start-lines": {
    params: [messageBatchId: string];
    row: never;
    rows: "none";
  };
  /** Stores the provider's id of a message batch: by its creator, also after its lease has ended and others came to doubt it, or by whoever found it in a listing. */
  "message-batches/store-created": {
    params: [
      id: string,
      providerId: string,
      adopted: boolean,
      providerCreatedAt: Date,
      providerExpiresAt: Date,
      nextPollAt: Date,
      unproved: boolean,
      createTries: number,
    ];
    row: { id: string };
    rows: "one";
  };
  /** Message batches whose wake-up was lost, each with the number of a new one. */
  "message-batches/take-overdue": {
    params: [overdueAt: Date, now: Date, rowsMax: number];
    row: {
      id: string;
      state: "intent" | "creating" | "created" | "ended" | "ingested" | "doubtful" | "refused" | "void";
      wake_no: number;
    };
    rows: "many";
  };
  /** Takes a message batch for one step: the lease keeps every other process and wake-up away. */
  "message-batches/take-step": {
    params: [id: string, processId: string, leaseUntil: Date, now: Date];
    row: {
      id: string;
      tenant_id: string;
      queue_id: string;
      credential_id: string;
      state: "intent" | "creating" | "created" | "ended" | "ingested" | "doubtful" | "refused" | "void";
      line_count: number;
      body_bytes: bigint;
      hold_id: string;
      provider_id: string | null;
      adopted: boolean;
      process_id: string | null;
      lease_until: Date | null;
      create_started_at: Date | null;
      create_tries: number;
      doubtful_since: Date | null;
      clear_listings: number;
      last_clear_listing_at: Date | null;
      processing_status: "in_progress" | "canceling" | "ended" | null;
      provider_created_at: Date | null;
      provider_expires_at: Date | null;
      count_processing: number;
      count_succeeded: number;
      count_errored: number;
      count_canceled: number;
      count_expired: number;
      cancel_requested_at: Date | null;
      cancel_sent_at: Date | null;
      next_poll_at: Date | null;
      wake_no: number;
      poll_failures: number;
      ingested_lines: number;
      paid_twice: number;
      error_code: string | null;
      created_at: Date;
      ended_at: Date | null;
      ingested_at: Date | null;
      stop_id: string | null;
      unproved: boolean;
    };
    rows: "one";
  };
  /** Bulks of a queue that have lines waiting, behind a given one, oldest first. */
  "message-batches/waiting-bulks": {
    params: [queueId: string, afterBulkId: string, bulksMax: number];
    row: { bulk_id: string; tenant_id: string; job_type: string; accepted: number; waiting: number };
    rows: "many";
  };
  /** The queues in which lines wait for a message batch. */
  "message-batches/waiting-queues": {
    params: [now: Date];
    row: { queue_id: string; tenant_id: string };
    rows: "many";
  };
  /** Void message batches whose money is still held: a late one of them might yet be found. */
  "message-batches/young-voids": {
    params: [credentialId: string, since: Date];
    row: {
      id: string;
      line_count: number;
      create_started_at: Date | null;
      doubtful_since: Date | null;
      ended_at: Date | null;
    };
    rows: "many";
  };
  /** Money held now, attempts that the provider answered with 429, and since when the oldest waiting work waits. */
  "metrics/gauges": {
    params: [bulksMax: number];
    row: { held_nano: bigint; rate_limited: bigint; waiting_since: Date | null };
    rows: "one";
  };
  /** Jobs and their money over all bulks by lane and state, from the tallies. */
  "metrics/jobs": {
    params: [];
    row: { lane: string; state: string; jobs: bigint; cost_nano: bigint; presumed_nano: bigint };
    rows: "many";
  };
  /** How long the provider took for the attempts booked last, by lane; and how many of them there were. */
  "metrics/latency": {
    params: [entriesMax: number];
    row: { lane: "realtime" | "batch"; attempts: bigint; p50_s: number | null; p95_s: number | null };
    rows: "many";
  };
  /** Queues that were overrun and have not been stopped for it yet. */
  "overruns/queues": {
    params: [rowsMax: number];
    row: { queue_id: string };
    rows: "many";
  };
  /** Takes the overruns of a queue; whoever comes second finds none. */
  "overruns/take": {
    params: [queueId: string];
    row: { tenant_id: string; attempts: bigint; amount_nano: bigint; job_id: string };
    rows: "one";
  };
  /** Writes down which version of the flags a process obeys, and when it last began a call before that: what a stop waits for. */
  "processes/acknowledge-flags": {
    params: [id: string, flagVersion: bigint, lastCallAt: Date | null];
    row: never;
    rows: "none";
  };
  /** Writes down that a process was seen to be dead. */
  "processes/confirm-dead": {
    params: [id: string];
    row: never;
    rows: "none";
  };
  /** How many processes of a role are alive and how many calls at once they are set up for: what a shared pace is divided by. */
  "processes/count-alive": {
    params: [role: string];
    row: { processes: number; concurrency: number };
    rows: "one";
  };
  /** A process says goodbye: it has nothing in flight and starts nothing more. */
  "processes/end": {
    params: [id: string];
    row: never;
    rows: "none";
  };
  /** Registers a process with its first lease and the session of its control connection. */
  "processes/insert": {
    params: [
      id: string,
      host: string,
      pid: number,
      roles: readonly (string | null)[],
      concurrency: number,
      leaseMs: number,
      oldId: string | null,
      identity: string | null,
    ];
    row: never;
    rows: "none";
  };
  /** Renews the lease of a process that has neither ended nor been reaped, and says which session its control connection is now. */
  "processes/renew": {
    params: [id: string, leaseMs: number];
    row: never;
    rows: "none";
  };
  /** Processes whose lease has ended and of which it is not known that they are dead, with what their death can be seen by. */
  "processes/suspects": {
    params: [rowsMax: number];
    row: { id: string; identity: string };
    rows: "many";
  };
  /** Removes the rows of processes that ended long ago and have no open attempt any more. */
  "processes/tidy": {
    params: [keptMs: number];
    row: never;
    rows: "none";
  };
  /** Unfinished jobs of some queues by lane and state, as one tenant may see them: a shared queue shows a tenant its own work only. */
  "queues/backlog": {
    params: [queueId: readonly (string | null)[], tenantId: string | null];
    row: { queue_id: string; lane: string; state: string; jobs: bigint };
    rows: "many";
  };
  /** A queue by its name as one tenant sees it: its own first, else the shared one. */
  "queues/find": {
    params: [tenantId: string, name: string, sharedOnly: boolean];
    row: {
      id: string;
      tenant_id: string;
      name: string;
      owner: string;
      default_type: string | null;
      default_urgency: "now" | "whenever" | null;
      default_priority: number | null;
      concurrency_max: number | null;
      attempts_max: number | null;
      job_age_max_s: number | null;
      approve_above_nano: bigint | null;
      created_at: Date;
      updated_at: Date;
      shared: boolean;
    };
    rows: "one";
  };
  /** The queues one tenant can submit to: its own, and the shared ones it has no queue of the same name for. */
  "queues/list": {
    params: [tenantId: string, after: string | null, rowsMax: number];
    row: {
      id: string;
      tenant_id: string;
      name: string;
      owner: string;
      default_type: string | null;
      default_urgency: "now" | "whenever" | null;
      default_priority: number | null;
      concurrency_max: number | null;
      attempts_max: number | null;
      job_age_max_s: number | null;
      approve_above_nano: bigint | null;
      created_at: Date;
      updated_at: Date;
      shared: boolean;
    };
    rows: "many";
  };
  /** The pauses and stops in force that reach some queues or bulks: their own, those of these tenants and job types and those over everything. */
  "queues/open-flags": {
    params: [
      queueId: readonly (string | null)[],
      tenantId: readonly (string | null)[],
      jobType: readonly (string | null)[],
      bulkId: readonly (string | null)[],
      models: boolean,
    ];
    row: {
      id: string;
      kind: "pause" | "stop";
      scope: "global" | "tenant" | "queue" | "job_type" | "model" | "bulk";
      target: string;
      reason: string;
      set_by: string;
      set_at: Date;
    };
    rows: "many";
  };
  /** Creates a queue or replaces its settings whole. */
  "queues/put": {
    params: [
      id: string,
      tenantId: string,
      name: string,
      owner: string,
      defaultType: string | null,
      defaultUrgency: string | null,
      defaultPriority: number | null,
      concurrencyMax: number | null,
      attemptsMax: number | null,
      jobAgeMaxS: number | null,
      approveAboveNano: bigint | null,
    ];
    row: { id: string; created: boolean };
    rows: "one";
  };
  /** Keeps a quote. */
  "quotes/insert": {
    params: [
      id: string,
      tenantId: string,
      queueId: string,
      jobType: string,
      requestSha256: Buffer,
      worstNano: bigint,
      createdBy: string,
      expiresAt: Date,
    ];
    row: never;
    rows: "none";
  };
  /** A quote that is to be used, locked: of two bulks that name it at once, one finds it used. */
  "quotes/lock": {
    params: [id: string, tenantId: string];
    row: { request_sha256: Buffer; worst_nano: bigint; expires_at: Date; bulk_id: string | null };
    rows: "one";
  };
  /** What jobs of a type really cost lately beside their worst case, and how long its message batches took. */
  "quotes/observed": {
    params: [
      tenantId: string,
      jobType: string,
      queueId: string,
      since: Date,
      entriesMax: number,
      batchesMax: number,
    ];
    row: { lane: string; attempts: number; cost_nano: bigint; worst_nano: bigint; batch_s: number | null };
    rows: "many";
  };
  /** Removes quotes that nobody used in time. */
  "quotes/prune": {
    params: [before: Date, rowsMax: number];
    row: never;
    rows: "none";
  };
  /** Makes a quote the ceiling of a bulk: the quote is used up, and its worst case becomes a budget of that bulk alone. */
  "quotes/use": {
    params: [id: string, bulkId: string, budgetId: string, tenantId: string, owner: string];
    row: never;
    rows: "none";
  };
  /** Open realtime attempts whose process is dead or gone, with what decides the next step of their jobs. */
  "reaper/orphans": {
    params: [rowsMax: number];
    row: {
      job_id: string;
      no: number;
      process_id: string;
      worst_nano: bigint;
      queue_id: string;
      attempts_counted: number;
      attempts_max: number;
      cancel_requested_at: Date | null;
    };
    rows: "many";
  };
  /** Declares processes dead whose lease has ended. */
  "reaper/reap": {
    params: [rowsMax: number];
    row: { id: string };
    rows: "many";
  };
  /** Sends back realtime jobs that were dispatched and not claimed in time: their queue entry was lost or could not start. */
  "reaper/requeue-unclaimed": {
    params: [rowsMax: number];
    row: { id: string; queue_id: string };
    rows: "many";
  };
  /** Says that these queues have work again. */
  "reaper/tell-dispatcher": {
    params: [queueId: readonly (string | null)[]];
    row: { told: string | null };
    rows: "many";
  };
  /** What the ledger says of attempts by the UTC day on which the provider answered, the day they began, model, lane and batch. */
  "reconcile/ledger-figures": {
    params: [since: Date, until: Date, bookedSince: Date, bookedUntil: Date];
    row: {
      day: string;
      since: string;
      model: string;
      lane: string;
      provider_id: string | null;
      attempts: number;
      settled_nano: bigint;
      presumed_nano: bigint;
    };
    rows: "many";
  };
  /** The worst case of attempts that have no end yet: in flight, in a batch at work, or with results that are not fetched. */
  "reconcile/open-figures": {
    params: [];
    row: { since: string; model: string; lane: string; provider_id: string | null; open_nano: bigint };
    rows: "many";
  };
  /** Ends attempts, moves their jobs, stores results and writes the ledger: all but the budget windows, in one statement. */
  "record/close-attempts": {
    params: [
      jobId: readonly (string | null)[],
      attemptNo: readonly (number | null)[],
      state: readonly (string | null)[],
      outcome: readonly (string | null)[],
      httpStatus: readonly (number | null)[],
      errorType: readonly (string | null)[],
      requestId: readonly (string | null)[],
      stopReason: readonly (string | null)[],
      usage: readonly (string | null)[],
      costNano: readonly (bigint | null)[],
      realtimeNano: readonly (bigint | null)[],
      answerSha256: readonly (Buffer | null)[],
      sentAt: readonly (Date | null)[],
      answeredAt: readonly (Date | null)[],
      nextState: readonly (string | null)[],
      failureCode: readonly (string | null)[],
      failureFault: readonly (string | null)[],
      notBefore: readonly (Date | null)[],
      retryReason: readonly (string | null)[],
      waitReason: readonly (string | null)[],
      countsTry: readonly (boolean | null)[],
      hasResult: readonly (boolean | null)[],
      output: readonly (string | null)[],
      confidence: readonly (number | null)[],
      abstained: readonly (string | null)[],
      reason: readonly (string | null)[],
      keepsHold: readonly (boolean | null)[],
    ];
    row: {
      job_id: string;
      no: number;
      late: boolean;
      moved: boolean;
      window_ids: bigint[];
      released_nano: bigint;
      spent_nano: bigint;
      overrun_nano: bigint;
    };
    rows: "many";
  };
  /** Opens the attempts that a found message batch must have had, so that its ingest settles them and stores their results. */
  "recover/adopt-lines": {
    params: [
      jobId: readonly (string | null)[],
      worstNano: readonly (bigint | null)[],
      priceId: readonly (string | null)[],
      windowIds: readonly (string | null)[],
      messageBatchId: string,
      holdId: string,
      credentialId: string,
      createdAt: Date,
      cutAt: readonly (number | null)[],
    ];
    row: never;
    rows: "none";
  };
  /** Books spend of which only the provider knew: lines of jobs that the restored rows do not have, and realtime calls as a sum. */
  "recover/book-found": {
    params: [
      jobId: readonly (string | null)[],
      model: readonly (string | null)[],
      priceId: readonly (string | null)[],
      amountNano: readonly (bigint | null)[],
      tenantId: string,
      queueId: string,
      lane: string,
    ];
    row: never;
    rows: "none";
  };
  /** Closes the marker of a restore whose realtime spend is booked. */
  "recover/close-marker": {
    params: [id: string, recoveredBy: string];
    row: { id: string };
    rows: "one";
  };
  /** How a message batch of ours stands whose name was found at the provider. */
  "recover/find-batch": {
    params: [id: string];
    row: {
      id: string;
      state: "intent" | "creating" | "created" | "ended" | "ingested" | "doubtful" | "refused" | "void";
      create_tries: number;
      provider_id: string | null;
    };
    rows: "one";
  };
  /** Writes the row that a found message batch must have had: at the provider, to be polled, and ingested at its end. */
  "recover/insert-batch": {
    params: [
      id: string,
      tenantId: string,
      queueId: string,
      credentialId: string,
      lineCount: number,
      holdId: string,
      providerId: string,
      providerCreatedAt: Date,
      providerExpiresAt: Date,
      now: Date,
    ];
    row: never;
    rows: "none";
  };
  /** Which of the jobs named by a found batch the restored rows have, with what bounds their cost. */
  "recover/known-jobs": {
    params: [jobId: readonly (string | null)[]];
    row: {
      id: string;
      tenant_id: string;
      bulk_id: string;
      queue_id: string;
      job_type: string;
      model: string;
      input_tokens_max: number;
      output_tokens_max: number;
      cache_write: "none" | "5m" | "1h";
      may_run_in_us: boolean;
      web_searches_max: number;
      labels: string | null;
    };
    rows: "many";
  };
  /** Lifts the stop of a restore, with its audit event. */
  "recover/lift-stop": {
    params: [actor: string];
    row: { id: string; audit_id: bigint };
    rows: "one";
  };
  /** Locks the jobs of a found batch before their windows are. */
  "recover/lock-jobs": {
    params: [jobId: readonly (string | null)[]];
    row: { id: string };
    rows: "many";
  };
  /** The tenant and queue under which spend is booked that nobody can be named for. */
  "recover/nobodys-queue": {
    params: [];
    row: never;
    rows: "none";
  };
  /** Remembers a provider's batch as somebody else's. */
  "recover/note-foreign": {
    params: [credentialId: string, providerId: string];
    row: never;
    rows: "none";
  };
  /** Notes that the realtime spend since the backup is booked; only once. */
  "recover/note-realtime": {
    params: [id: string, realtimeNano: bigint];
    row: { id: string };
    rows: "one";
  };
  /** Counts the paid lines of a second batch under the name of one of ours. */
  "recover/note-twin": {
    params: [id: string, lines: number];
    row: { tenant_id: string; queue_id: string };
    rows: "one";
  };
  /** Books attempts at another price: the attempt, its job and a correction entry, all but the budget windows. */
  "reprice/correct": {
    params: [
      jobId: readonly (string | null)[],
      attemptNo: readonly (number | null)[],
      priorNano: readonly (bigint | null)[],
      costNano: readonly (bigint | null)[],
      realtimeNano: readonly (bigint | null)[],
      priceId: readonly (string | null)[],
    ];
    row: { job_id: string; no: number; window_ids: bigint[]; change_nano: bigint; overrun_nano: bigint };
    rows: "many";
  };
  /** A page of attempts in the order of their key, with the usage of those whose price is in question. */
  "reprice/page": {
    params: [
      afterJobId: string,
      afterNo: number,
      since: Date,
      until: Date,
      model: string | null,
      rowsMax: number,
    ];
    row: {
      job_id: string;
      no: number;
      lane: "realtime" | "batch";
      model: string;
      price_id: string;
      price_at: Date;
      worst_nano: bigint;
      cost_nano: bigint | null;
      realtime_nano: bigint | null;
      in_question: boolean;
      usage: unknown;
    };
    rows: "many";
  };
  /** Message batches that were about to be created, or being created, when the backup was taken: whether the provider has them is unknown now, and the ordinary resolver finds out. */
  "restore/doubt-creations": {
    params: [now: Date];
    row: { id: string };
    rows: "many";
  };
  /** Ends the leases of a backup: whoever held them works elsewhere, or not at all. */
  "restore/end-leases": {
    params: [];
    row: never;
    rows: "none";
  };
  /** The marker of a restore that is not recovered yet. */
  "restore/find-open": {
    params: [];
    row: { id: string; snapshot_at: Date; restored_at: Date; realtime_nano: bigint | null };
    rows: "one";
  };
  /** What a backup knows of the provider's counts may have been refuted since: they begin anew, without samples. */
  "restore/forget-counts": {
    params: [];
    row: never;
    rows: "none";
  };
  /** Whether a database holds anything that a restore would replace, and whether a process works on it. */
  "restore/in-use": {
    params: [];
    row: { tenants: number; alive: number };
    rows: "one";
  };
  /** Sets the marker of a restore, unless the backup brought one that is still open. */
  "restore/mark": {
    params: [id: string, snapshotAt: Date, backupSha256: string, restoredBy: string];
    row: never;
    rows: "none";
  };
  /** Lets a sequence go on behind a number. */
  "restore/set-sequence": {
    params: [name: string, lastValue: bigint];
    row: { at: bigint };
    rows: "one";
  };
  /** Stops everything because of a restore, unless a global stop is open already; that one cannot be lifted either while the marker stands. */
  "restore/stop-all": {
    params: [id: string, reason: string];
    row: { id: string; audit_id: bigint };
    rows: "one";
  };
  /** Begins to read the lengths of a type: with what the ledger holds of its last seven days, so that what is known counts at once. */
  "right-sizes/begin-fold": {
    params: [jobType: string];
    row: never;
    rows: "none";
  };
  /** The caps in force. */
  "right-sizes/caps": {
    params: [];
    row: { job_type: string; prompt_version: number; model: string; cap: number };
    rows: "many";
  };
  /** How long the answers of a type were that were booked in a span of time, by prompt version and model. */
  "right-sizes/lengths": {
    params: [jobType: string, since: Date, until: Date];
    row: {
      prompt_version: number;
      model: string;
      tokens: number;
      truncated: boolean;
      sized: boolean;
      answers: number;
    };
    rows: "many";
  };
  /** The span of the ledger that is to be read next for the lengths of a type: an hour of it at most, and only what is old enough that no transaction of that time is still open. */
  "right-sizes/lock-fold": {
    params: [jobType: string, lagMs: number];
    row: { since: Date; until: Date };
    rows: "one";
  };
  /** Says up to when the lengths of a type have been read. */
  "right-sizes/move-fold": {
    params: [jobType: string, until: Date];
    row: never;
    rows: "none";
  };
  /** What is known of the lengths of answers, of one job type or of all. */
  "right-sizes/read": {
    params: [jobType: string | null];
    row: {
      job_type: string;
      prompt_version: number;
      model: string;
      lengths: number[];
      samples: number;
      cap: number | null;
      sized: number;
      truncated: number;
      off_at: Date | null;
      off_reason: string | null;
    };
    rows: "many";
  };
  /** Lets a type be right-sized again: what was cut before is forgotten, the lengths stay. */
  "right-sizes/size-again": {
    params: [jobType: string];
    row: { prompt_version: number; model: string };
    rows: "many";
  };
  /** Writes what is known of the lengths of answers. */
  "right-sizes/write": {
    params: [
      jobType: string,
      promptVersion: number,
      model: string,
      lengths: readonly (number | null)[],
      samples: number,
      cap: number | null,
      sized: number,
      truncated: number,
      offReason: string | null,
    ];
    row: never;
    rows: "none";
  };
  /** What was spent, from the ledger, by one dimension. */
  "spend/by-dimension": {
    params: [tenantId: string | null, since: Date, until: Date, dimension: string, rowsMax: number];
    row: {
      name: string;
      attempts: bigint;
      jobs: bigint;
      amount_nano: bigint;
      realtime_nano: bigint;
      overrun_nano: bigint;
    };
    rows: "many";
  };
  /** What was spent, from the ledger, by label. */
  "spend/by-label": {
    params: [tenantId: string | null, since: Date, until: Date, rowsMax: number];
    row: {
      name: string;
      attempts: bigint;
      jobs: bigint;
      amount_nano: bigint;
      realtime_nano: bigint;
      overrun_nano: bigint;
    };
    rows: "many";
  };
  /** Answers waiting jobs of a stop by the answer that their job type keeps for this: they succeed, decided by nobody, at no cost. */
  "stops/answer-waiting": {
    params: [
      stopId: string,
      jobType: readonly (string | null)[],
      output: readonly (string | null)[],
      rowsMax: number,
    ];
    row: { answered: number };
    rows: "one";
  };
  /** The message batches that a stop concerns: those it has asked to be canceled, and those with lines in its scope that are at the provider or may be, void ones included while their money is held. */
  "stops/batches": {
    params: [stopId: string, scope: string, target: string, rowsMax: number];
    row: {
      id: string;
      state: "intent" | "creating" | "created" | "ended" | "ingested" | "doubtful" | "refused" | "void";
      provider_id: string | null;
      lines: number;
      processing_status: "in_progress" | "canceling" | "ended" | null;
      cancel_requested_at: Date | null;
      cancel_sent_at: Date | null;
      ended_at: Date | null;
      unproved: boolean;
      asked_by_this: boolean;
      worst_nano: bigint;
    };
    rows: "many";
  };
  /** The realtime calls in the scope of a stop: in flight now, the most that open ones can cost (those of dead processes included, until they are booked), and aborted since it was set. */
  "stops/calls": {
    params: [scope: string, target: string, since: Date, until: Date | null];
    row: { in_flight: number; worst_nano: bigint; aborted: number; aborted_nano: bigint };
    rows: "one";
  };
  /** Asks for the cancellation of every message batch whose open lines are all in the scope of a stop that cancels, and makes them due at once. */
  "stops/cancel-batches": {
    params: [stopId: string];
    row: { id: string; told: string };
    rows: "many";
  };
  /** Writes down that a stop is complete, if it is: every process is confirmed, no call in its scope is in flight at one that lives, no creation of a message batch with lines in its scope waits for its answer (one whose lease has ended is in doubt, and listed as that), and, where it cancels, the provider has been asked for every batch of it that is to be canceled, whoever wanted that first, that has an id and is surely ours. */
  "stops/complete": {
    params: [stopId: string];
    row: { id: string };
    rows: "one";
  };
  /** One stop by its id, or the open one of a scope and target; with the name of what it is aimed at. */
  "stops/find": {
    params: [id: string | null, scope: string | null, target: string | null, tenantId: string | null];
    row: {
      id: string;
      tenant_id: string;
      scope: "global" | "tenant" | "queue" | "job_type" | "model" | "bulk";
      target: string;
      target_name: string | null;
      mode: "drain" | "abort" | "abort_and_cancel" | null;
      reason: string;
      set_by: string;
      set_at: Date;
      lifted_by: string | null;
      lifted_at: Date | null;
      flag_version: bigint;
      completed_at: Date | null;
    };
    rows: "one";
  };
  /** Lifts a stop, with its audit event. */
  "stops/lift": {
    params: [id: string, tenantId: string | null, actor: string, reason: string];
    row: {
      id: string;
      scope: "global" | "tenant" | "queue" | "job_type" | "model" | "bulk";
      target: string;
      audit_id: bigint;
    };
    rows: "one";
  };
  /** Stops, the newest first. */
  "stops/list": {
    params: [tenantId: string | null, openOnly: boolean, after: string | null, rowsMax: number];
    row: {
      id: string;
      tenant_id: string;
      scope: "global" | "tenant" | "queue" | "job_type" | "model" | "bulk";
      target: string;
      target_name: string | null;
      mode: "drain" | "abort" | "abort_and_cancel" | null;
      reason: string;
      set_by: string;
      set_at: Date;
      lifted_by: string | null;
      lifted_at: Date | null;
      flag_version: bigint;
      completed_at: Date | null;
    };
    rows: "many";
  };
  /** What each process that lived when a stop was set, or may live yet, says of it; with its last start before it did and the calls in scope that it has in flight. */
  "stops/processes": {
    params: [stopId: string];
    row: {
      id: string;
      host: string;
      pid: number;
      roles: string[];
      state: string;
      last_call_at: Date | null;
      calls_in_flight: number;
    };
    rows: "many";
  };
  /** Sets a stop with its audit event; one that is open for this scope and target becomes as hard as is asked for. */
  "stops/set": {
    params: [
      id: string,
      tenantId: string,
      scope: string,
      target: string,
      mode: string,
      reason: string,
      actor: string,
    ];
    row: { stop_id: string; audit_id: bigint };
    rows: "one";
  };
  /** What a stop is aimed at, by its name: the id of a tenant, queue or bulk, the name of a job type that was ever registered. */
  "stops/target": {
    params: [scope: string, name: string, tenantId: string | null];
    row: { target: string };
    rows: "one";
  };
  /** Message batches that are to be canceled and of which the provider has not been asked that yet. */
  "stops/unsent-cancels": {
    params: [credentialId: string, rowsMax: number];
    row: { id: string; provider_id: string };
    rows: "many";
  };
  /** How many jobs in a scope wait: queued, or dispatched and not begun. */
  "stops/waiting": {
    params: [scope: string, target: string];
    row: { jobs: bigint };
    rows: "one";
  };
  /** Finishes those bulks that have no open job left, counted exactly over tallies and differences in one snapshot. */
  "tallies/finish-bulks": {
    params: [bulkId: readonly (string | null)[] | null];
    row: { id: string; tenant_id: string; queue_id: string };
    rows: "many";
  };
  /** Takes differences and adds them into the tallies. */
  "tallies/fold": {
    params: [rowsMax: number];
    row: { taken: number; bulk_ids: string[] | null };
    rows: "one";
  };
  /** A tenant by its name. */
  "tenants/find": {
    params: [name: string];
    row: { id: string; name: string; created_at: Date };
    rows: "one";
  };
  /** Creates a tenant; a name that is taken changes nothing. */
  "tenants/insert": {
    params: [id: string, name: string];
    row: { created_at: Date };
    rows: "one";
  };
  /** All tenants by name. */
  "tenants/list": {
    params: [after: string | null, rowsMax: number];
    row: { id: string; name: string; created_at: Date };
    rows: "many";
  };
  /** Every budget and its window that is open at an instant (null where the window has yet to be made). */
  "windows/all-open": {
    params: [at: Date];
    row: {
      budget_id: string;
      tenant_id: string;
      window_kind: "day" | "month" | "total";
      time_zone: string;
      created_at: Date;
      window_id: bigint | null;
    };
    rows: "many";
  };
  /** Changes windows by the net of a transaction: money newly held less money released, and what was spent. */
  "windows/change": {
    params: [
      windowId: readonly (bigint | null)[],
      heldNano: readonly (bigint | null)[],
      spentNano: readonly (bigint | null)[],
      overrunNano: readonly (bigint | null)[],
    ];
    row: never;
    rows: "none";
  };
  /** For each scope of work, the budgets that bind it and the window of each that is open at an instant (null where the window has yet to be made). */
  "windows/find-open": {
    params: [
      ordinal: readonly (number | null)[],
      tenantId: readonly (string | null)[],
      queueId: readonly (string | null)[],
      jobType: readonly (string | null)[],
      bulkId: readonly (string | null)[],
      labels: readonly (string | null)[],
      at: Date,
    ];
    row: {
      ordinal: number;
      budget_id: string;
      tenant_id: string;
      scope: "global" | "tenant" | "queue" | "job_type" | "label" | "bulk";
      target: string;
      window_kind: "day" | "month" | "total";
      time_zone: string;
      when_bound: "wait" | "reject" | "downgrade";
      limit_nano: bigint;
      created_at: Date;
      window_id: bigint | null;
    };
    rows: "many";
  };
  /** Locks windows for a decision and reads what is left in each. */
  "windows/lock": {
    params: [id: readonly (bigint | null)[]];
    row: { id: bigint; budget_id: string; available_nano: bigint };
    rows: "many";
  };
  /** Notes since when windows have had no room for the next piece of work: the first time in each window, which raises its alert. */
  "windows/note-bound": {
    params: [id: readonly (bigint | null)[]];
    row: never;
    rows: "none";
  };
  /** Opens a window of a budget with its limit as it stands now; nothing if somebody else opened it first. */
  "windows/open-window": {
    params: [budgetId: string, tenantId: string, startsAt: Date, endsAt: Date];
    row: never;
    rows: "none";
  };
  /** What is left in windows, without locking them: for choosing what is worth trying, never for deciding. */
  "windows/read-room": {
    params: [id: readonly (bigint | null)[]];
    row: { id: bigint; available_nano: bigint };
    rows: "many";
  };
}
