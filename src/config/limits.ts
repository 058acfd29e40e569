// Every bound that is not a setting, with its unit in the name and how it was chosen. What an operator may want to change
// is in config.ts; what is here is either fixed by somebody else (the provider, PostgreSQL, Redis) or a proportion that
// only makes sense together with its neighbours. How settings and limits depend on each other is in
// relations.ts.

export const limits = {
  // Fixed by the provider (Message Batches and Messages API).
  /** Lines in one message batch: the provider's maximum. */
  providerBatchLinesMax: 100_000,
  /** Bytes of one message batch: the provider's maximum of 256 MB. */
  providerBatchBytesMax: 256_000_000,
  /** Bytes of one Messages request: the provider's maximum of 32 MB. */
  providerRequestBytesMax: 32_000_000,

  // What callers may send.
  /** Errors of an upload that are answered inline; the rest is behind a link. A page of them is all a person reads. */
  uploadErrorsInlineMax: 1_000,
  /** Invalid lines of a skip upload whose reason is stored; beyond it they are only counted. Bounds the rows of a file of garbage. */
  uploadErrorsStoredMax: 100_000,
  /** Bytes of any JSON body that is not an upload of lines: a queue's settings are a few hundred. */
  jsonBodyBytesMax: 1_000_000,
  /** Jobs in the JSON form `{jobs: [...]}`, which is held in memory whole; larger bulks come as NDJSON. */
  jsonJobsMax: 10_000,
  /** JSON bulks in memory at once per API process: 4 of 32 MB, parsed, stay well below the heap. */
  jsonBulksMax: 4,
  /** Characters of a caller's key, of a name (queue, type, tenant, owner) and of an Idempotency-Key: fit an index page easily. */
  keyCharsMax: 200,
  nameCharsMax: 64,
  idempotencyKeyCharsMax: 255,
  /** Labels on a bulk or job, and the characters of a label's name and value: cost centres, not documents. */
  labelsMax: 8,
  labelNameCharsMax: 40,
  labelValueCharsMax: 100,
  /** Caps given with a submission: there are no more of them. */
  capsMax: 20,
  /** Characters of the reason somebody gives for a pause, stop or raise. */
  reasonCharsMax: 500,
  /** Fields reported for one invalid line or body: enough to repair it. */
  fieldErrorsMax: 20,
  /** Depth of JSON in an input: beyond any schema of ours, far below what overflows a stack. */
  jsonDepthMax: 64,

  // What is answered.
  /** Rows on one page of a listing, by default and at most. */
  pageRowsDefault: 50,
  pageRowsMax: 500,
  /** Rows fetched at a time while results are streamed: 500 answers of 3 KB are 1.5 MB in memory. */
  resultRowsPerFetch: 500,
  /** Between two looks at a bulk while its events or followed results are streamed. */
  followEveryMs: 1_000,
  /** Comment lines on an idle event stream, so that proxies keep it open: below the usual 60 s. */
  sseHeartbeatMs: 15_000,
  /** Event streams at once per API process: each costs a socket and a query per look. */
  sseStreamsMax: 1_000,
  /** What Retry-After says while a store is away: a restart of PostgreSQL takes about this long. */
  storeRetryAfterS: 5,
  /** Sign-ins to the board per address and minute, against guessing. */
  signInsPerMinuteMax: 10,
  /** A signed-in session of the board: a working day. */
  sessionMs: 12 * 3_600_000,

  // Answering over HTTP.
  /** Bytes of the JSON form of a bulk, which is held in memory whole. */
  jsonBulkBytesMax: 32_000_000,
  /** Between two pieces of a request's body: a caller that sends nothing for so long has gone. */
  bodyIdleTimeoutMs: 60_000,
  /** A request's headers must have arrived by then; a body may take as long as it keeps coming. */
  headersTimeoutMs: 20_000,
  /** An idle connection is kept a little longer than the 60 s that load balancers keep theirs, so that they close first. */
  keepAliveTimeoutMs: 65_000,
  /** How long a caller whose upload was refused half way may go on sending before the connection is cut. */
  refusedBodyGraceMs: 5_000,
  /** How long a key that was looked up is believed; a revoked key stops working within this time. */
  keyCacheMs: 3_000,
  keyCacheEntriesMax: 10_000,
  /** What /readyz waits for each thing it asks about: load balancers wait a few seconds themselves. */
  readyCheckTimeoutMs: 2_000,
  /** Between two readings of the figures behind /metrics, however often it is scraped. */
  metricsCacheMs: 5_000,
  /** Ledger entries behind the latency quantiles, and unfinished bulks searched for the oldest waiting job: a few ms each. */
  metricsEntriesMax: 2_000,
  metricsBulksMax: 200,
  /** Rows of a spend report. */
  spendRowsMax: 10_000,
  /** Outcomes of a bulk that its recent rate is measured on. */
  paceOutcomesMax: 1_000,
  /** How long a finish number may stay invisible after a higher one was seen: longer than any statement and any idle transaction. */
  followWindowMs: 70_000,
  /** Lines erased in one statement when a bulk is deleted. */
  eraseLinesPerStatement: 5_000,
  /** Connections that are left for everything else while long uploads hold theirs. */
  poolShareOfUploads: 0.5,

  // Writing in chunks.
  /** Lines of an upload written by one COPY: a few MB, a few ms of lock. */
  intakeChunkLinesMax: 2_000,
  intakeChunkBytesMax: 8_000_000,
  /** Rows one sweep moves in a statement; it repeats until there are none. */
  sweepRowsMax: 1_000,
  /** Rounds of a sweep before it lets others have the connection. */
  sweepRoundsMax: 100,
  /** Realtime attempts claimed ahead of a free place for their call, as a share of the calls at once: enough for bursts of ends. */
  claimedAheadShare: 0.5,
  /** Holds taken in one transaction: measured best between 30 and 100 on two cores. */
  holdGroupMax: 50,
  /** A job with labels of its own for which a ceiling had no room is looked at again after this, so that others get their look. */
  budgetRestMs: 5_000,
  /** Holds named in a refusal: enough to see whose they are; the rest is behind a link. */
  holdsNamedMax: 10,
  /** How long an API process believes that no budget rejects submissions: then the first refusal comes a second late. */
  rejectingCacheMs: 1_000,
  /** The budget of the first queue of an installation, in nano-dollars a day: 5 USD try everything out and ruin nobody. */
  firstBudgetNano: 5_000_000_000n,

  /** Jobs of a refused model that are remembered, to be suspected once it answers others: a bulk of which each is refused ends soon, too. */
  suspectsPerModelMax: 10_000,

  // The bound tightened.
  /** Between two looks for work whose requests are worth counting: one index probe a model. */
  countEveryMs: 1_000,
  /** Requests of one model counted in one round, and counts at once: at most one answer's latency between their storing. */
  countJobsPerRound: 50,
  countsAtOnce: 8,
  /** How long the requests of a model are not counted after the provider refused it: as long as a job of it waits for its next try. */
  countRefusedRestMs: 60_000,
  /** A count takes a fraction of a second. */
  countDeadlineMs: 30_000,
  /** Counts of a model that are asked for before it is trusted, and how long that number holds: enough to learn by, not more. */
  countsUntrustedMax: 200,
  countsUntrustedMs: 600_000,
  /** Between two readings of the ledger for the lengths of answers, and of the caps that follow from them. */
  sizeEveryMs: 5_000,
  capsEveryMs: 1_000,

  // Leases and beats. A lease is renewed this many times before it ends, so that one lost beat costs nothing.
  heartbeatsPerLease: 4,
  /** The dispatcher's lease: a takeover must happen within 5 s of its death. */
  dispatcherLeaseMs: 4_000,
  /** Between two rounds of the dispatcher when nothing wakes it. */
  dispatchEveryMs: 250,
  /** Between two rounds while there is work: the window holds seconds of it, so a twentieth of a second is soon enough. */
  dispatchBusyMs: 50,
  /** The lanes' own process: what its start may take on a busy machine, and what its goodbye takes beyond the drain. */
  lanesStartMs: 120_000,
  lanesGoodbyeMs: 10_000,
  /** Between two starts of it after it ended unasked; it has recovered when it lived as long as the longest pause. */
  lanesRestartMinMs: 1_000,
  lanesRestartMaxMs: 30_000,
  /** What aborted calls get for their records at shutdown; beyond it the reaper books them. */
  drainRecordMs: 5_000,
  /** The lease of a message batch in one step (creating, polling, ingesting), renewed while it works. */
  batchLeaseMs: 30_000,
  /** How soon before its end a lease counts as ended to its own holder: two machines' clocks may differ. */
  leaseSafetyMs: 1_000,
  /** Seconds of the measured drain rate that are kept dispatched in the realtime window. */
  windowSeconds: 5,
  /** The realtime window of one queue backend at most, whatever the rate: a refill after a loss stays cheap. */
  windowJobsMax: 5_000,
  /** Between two sweeps for ended leases, overdue wake-ups and deadlines. */
  sweepEveryMs: 2_000,
  /** Between two rounds of upkeep that prunes what has outlived its time (idempotency records, finished entries). */
  pruneEveryMs: 300_000,
  /** Complete listings without a candidate before a doubtful batch may be void. */
  voidListingsMin: 2,
  /** Batches of one credential that may be in doubt or under way to the provider at once. */
  batchesOpenMax: 50,
  /** Pages of the provider's batch list that one complete listing reads: 100 a page. */
  listingPagesMax: 100,

  /** Attempts priced anew in one page and transaction: the windows they change are locked for milliseconds. */
  repriceRowsMax: 1_000,
  /** Span of bookings that one statement of a comparison reads: at a hundred bookings a second, two million rows. */
  reconcilePieceMs: 6 * 3_600_000,
  /** Unexplained part of a comparison with the provider's figures that is still taken for a match, in hundredths of a percent: 1 %. */
  unexplainedBasisPointsMax: 100,

  // Connections and sizes of the process.
  /** Waiting for a connection of the pool before the answer is 503. */
  databaseConnectTimeoutMs: 5_000,
  /** A single statement; the long ones (COPY of an upload, streams) set their own. */
  statementTimeoutMs: 30_000,
  /** An answer to a statement: twice the server's own limit. When not even its refusal arrives, the line is dead. */
  databaseAnswerTimeoutMs: 60_000,
  /** A transaction that holds locks and does nothing is ended: its process is frozen. */
  idleInTransactionTimeoutMs: 30_000,
  /** A pooled connection without work is closed. */
  databaseIdleTimeoutMs: 30_000,
  /** Waiting for another process that migrates. */
  migrationLockTimeoutMs: 60_000,
  /** Characters of one string in a log line: ids and codes are shorter, anything longer is content by mistake. */
  logFieldCharsMax: 200,

  // Control: flags, leases of processes, the follower of bulks.
  /** Between two beats on the idle control connection, and how late an answer makes it dead: noticed within 3 s in all. */
  listenerBeatMs: 1_000,
  listenerDeadlineMs: 2_000,
  /** Between two tries to connect again: short, because nothing starts without permission. */
  listenerBackoffMinMs: 50,
  listenerBackoffMaxMs: 1_000,
  /** Reads of the flags per permission, so that one lost read costs nothing. */
  readsPerPermission: 4,
  /** Between two looks at stops that are not complete: their receipts, the cancellation of their message batches. */
  stopLookMs: 500,
  /** Message batches shown in one receipt; a credential has fewer open. */
  receiptBatchesMax: 500,
  /** Rows one statement cancels or expires: tens of milliseconds of lock. */
  cancelRowsMax: 5_000,
  /** Between two folds of the counts, and the differences one fold takes: a reader sums up no more than a few hundred. */
  foldEveryMs: 200,
  foldRowsMax: 5_000,
  /** Folds between two looks at every unfinished bulk, also those nothing has touched: one whose end was missed by a crash. */
  foldsPerFullLook: 10,
  /** A cancellation that has not come to its end after this is taken up by upkeep. */
  cancelGraceMs: 10_000,
  /** Between two looks at the deadlines of one bulk, however many it has. */
  deadlineGapMs: 5_000,
  /** Attempts of lost processes booked in one transaction. */
  reapRowsMax: 500,
  /** Alerts that left or were given up are kept this long: a quarter, in which bills are settled. */
  alertRowKeptMs: 90 * 24 * 3_600_000,
  /** A lease ended this long ago before its process row is removed: receipts and traces still name it. */
  processRowKeptMs: 7 * 24 * 3_600_000,
  /** The lease of a singleton (upkeep, the follower of bulks): another takes over within 5 s. */
  singletonLeaseMs: 4_000,
  /** Between two looks of the follower at its bulks: what Bull Board shows is at most this old. */
  followerEveryMs: 1_000,
  /** Tries of a process that ends to say so, and the time between two: a control connection is made anew within a second. */
  goodbyeTriesMax: 3,
  goodbyeRetryMs: 500,
  /** A process that ends waits this long for a look of its follower, and as long again for its entries to go back. */
  followerLeaveMs: 5_000,
  /** Bulks of one queue followed at once; further ones wait in the queue and still run. */
  followedBulksMax: 200,
  /** Queues with a follower or an event stream at once: each costs three connections to Redis, or about six to PostgreSQL. */
  followedQueuesMax: 100,
  followedQueuesOnPostgresMax: 8,
  /** Between two looks whether an entry is still there and a queue is still paused as its flag says. */
  followerCheckMs: 5_000,
  /** Entries that one bulk may have in turn: each but the last has ended before the bulk did. */
  entryNumbersMax: 20,
  /** Entries written to the queue at once by the follower. */
  followerWritesMax: 50,
  /** New entries that wait for a slow queue backend; beyond it the follower adds them later. */
  newEntriesMax: 10_000,
  /** How long the event of a pause or resume in BullMQ may be under way before it counts as lost. */
  echoMs: 5_000,
  /** A follower without a bulk is closed after this. */
  followerIdleMs: 60_000,

  // Alerts and the breaker.
  /** Between two rounds of the sender when nothing wakes it, and alerts in one round: a minute of them is 600. */
  alertEveryMs: 1_000,
  alertsPerRoundMax: 10,
  /** What a receiver gets to answer: it should take an alert first and think about it later. A drain waits for it, so it is short. */
  alertTimeoutMs: 5_000,
  /** Pauses between tries double from the one to the other; after the last, some 5 hours later, an alert is given up. */
  alertRetryBaseMs: 2_000,
  alertRetryCapMs: 900_000,
  alertTriesMax: 30,
  /** /readyz shows the path as broken after so many failures in a row, or when an alert has waited for so long. */
  alertFailuresShownMin: 3,
  alertWaitShownMs: 600_000,
  /** Between two looks of the breaker. */
  breakerEveryMs: 3_000,
  /** Ledger entries whose ends the breaker looks at: a few ms, and minutes of work at any pace of today. */
  breakerEntriesMax: 2_000,
  /** Hours with spend without which there is no median: five nightly runs are a working week. */
  breakerHistoryHoursMin: 5,
  /** How old the ledger must be to be added up: longer than a statement may take, and whoever writes the ledger needs one. */
  spendFoldLagMs: 35_000,
  /** Queues shown by Bull Board, the latest first: each costs a few commands per look. */
  boardQueuesMax: 500,
} as const;
