// Bounds of the queue backend and its connections, each with its unit and how it was chosen.
export const queueLimits = {
  /** Opening a connection to Redis or PostgreSQL. */
  connectTimeoutMs: 5_000,
  /** Asking a Redis about itself at start. */
  inspectTimeoutMs: 5_000,
  /**
   * A producer's command in all, reconnecting included: long enough for a Redis that restarts, short enough for a caller
   * who waits. What is not enqueued by then is found by the dispatch sweep.
   */
  commandTimeoutMs: 10_000,
  /** A new queue, worker or listener must have its connections within this time. */
  readyTimeoutMs: 10_000,
  /** Redis must say something within this time while a command is out; above the longest blocking read of 10 s. */
  socketTimeoutMs: 25_000,
  /** First probe on a silent connection; a peer that vanished without a word is noticed within about 20 s. */
  keepAliveMs: 10_000,
  /** Pause before the first reconnect; it doubles up to the maximum. */
  reconnectMinMs: 100,
  reconnectMaxMs: 2_000,
  /** A closing worker's entries in hand get this long, and as long again once their signals are aborted; the rest is left to the leases. */
  closeGraceMs: 5_000,
  /** Finishing entries and saying goodbye to the server; a connection that takes longer is cut. */
  goodbyeTimeoutMs: 2_000,
  /** Entries in one addBulk: measured best at 500; from 1,000 on slower, and more at stake if it breaks in the middle. */
  addChunkMax: 500,
  /** Connections of all queues together, on PostgreSQL: producing is short statements. */
  producerConnectionsMax: 10,
  /** Connections of one worker on PostgreSQL, one of them for LISTEN: finishing fifty entries at once needs some, not fifty. */
  workerConnectionsMax: 9,
  /** Connections of one event listener on PostgreSQL: one for LISTEN, one to read. */
  listenerConnectionsMax: 2,
  /** At most one log line about lost connections per queue backend in this time; retries make dozens of errors a second. */
  errorLogEveryMs: 10_000,
  /** Between two looks whether a lost backend is back; only for the log line that says so. */
  probeEveryMs: 1_000,
  /** A worker's lock on an entry; renewed at half of it. Tells only that a process lives: the right to work is the lease in the database. */
  lockDurationMs: 30_000,
  /** Between two looks for entries whose lock has ended: so a killed worker's entry runs again within about 40 s. */
  stalledEveryMs: 5_000,
  /**
   * How often an entry may lose its worker before BullMQ declares it failed. The database counts attempts and decides; an
   * entry that BullMQ drops early only delays its job until the sweep, so BullMQ is given no say here.
   */
  stalledMax: 1_000,
  /** How long an idle worker waits for a wake-up before it looks by itself; bounds the delay when a wake-up was lost. */
  idleWaitS: 5,
  /** Longest sleep of a worker while its queue is rate limited, so that a lifted limit is noticed soon. */
  rateLimitSleepMaxMs: 5_000,
  /** Pause of a worker after it could not fetch. */
  fetchRetryMs: 2_000,
  /** Events kept per queue for listeners, about. They only show progress; nothing is decided by them. */
  eventsKept: 10_000,
  /** Lines of stack kept with a failed entry: none. A stack begins with the message, and the log has the place. */
  stackLinesKept: 0,
  /** Finished and failed entries kept per queue for the board. */
  finishedKept: 1_000,
  /** Log lines kept with an entry. */
  entryLogsKept: 20,
} as const;
