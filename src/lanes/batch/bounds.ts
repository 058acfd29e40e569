// Bounds of the batch lane that are nobody's setting, each with its unit and how it was chosen.
export const batchLaneBounds = {
  /** Bulks looked at for one pack: each costs an index probe, and single jobs are bulks of one. */
  bulksPerPackMax: 10_000,
  /** Between two looks of the collector for work; notifications make it look at once. */
  collectEveryMs: 500,
  /** After a pack that fitted under no ceiling: a raise is notified, so this only bounds how late a settled hold is noticed. */
  budgetRetryMs: 2_000,
  /** Lines looked at in a queue whose ceiling was bound a moment ago: enough to see whether something fits again. */
  boundProbeLines: 50,
  /** A stopped credential is tried with one batch this long after the last refusal. */
  credentialProbeMs: 60_000,
  /** A refused model is tried with one line this long after the last refusal or try: a line in a batch takes minutes to come back. */
  modelProbeMs: 15 * 60_000,
  /** Lines whose rows are read together for a body, by their number and by the bytes of their requests. */
  bodyReadLines: 500,
  bodyReadBytes: 4_000_000,
  /** Lines and bytes rendered for one chunk of a body. */
  bodyChunkLines: 500,
  bodyChunkBytes: 256_000,
  /** Result lines and bytes that are settled in one transaction: half as many cost a sixth more, for all that a transaction costs. */
  ingestChunkLines: 300,
  ingestChunkBytes: 4_000_000,
  /** Chunks of a download that are being recorded while the next is read; more would only queue at the database. */
  ingestChunksInFlight: 1,
  /** Inputs of requests up to this size are read together with their lines; larger ones by bytes. */
  smallInputBytes: 8_000,
  inputBytesPerRead: 8_000_000,
  /** Longest result line: the largest answer (300,000 tokens) with room for escapes. */
  resultLineBytesMax: 32_000_000,
  /** Lines of a dissolved batch that go back in one transaction. */
  returnChunkLines: 1_000,
  /** A poll, list or cancel. */
  controlDeadlineMs: 60_000,
  /** Silence in a download after which it is given up and begun again. */
  downloadIdleMs: 120_000,
  /** Batches on one page of a listing: the provider's maximum. */
  listingPageSize: 100,
  /** How far the provider's clock may be from ours. */
  clockSkewMs: 5 * 60_000,
  /** A batch that answers 404 for longer than this after its creation is alarming; it is polled all the same. */
  missingGraceMs: 15 * 60_000,
  /** How long the provider keeps results, from the creation of the batch on. */
  resultsKeptMs: 29 * 24 * 3_600_000,
  /** First wait after an intent was not taken; doubled each time up to the longest poll interval. */
  createRetryMs: 1_000,
  /** Uploads and downloads at once in a process: they share its memory and its turns. Two keep two cores busy. */
  uploadsAtOnce: 2,
  downloadsAtOnce: 2,
  /** Wake-ups in hand at once, those that wait for a place included: several times the batches that may be open. */
  wakesAtOnce: 200,
  /** Between two updates of what the board shows of a step at work. */
  progressEveryMs: 1_000,
  /** Overdue batches woken by one sweep. */
  overdueRowsMax: 500,
  /** Wake-ups later than this are taken for lost. */
  overdueGraceMs: 5_000,
  /** Between two listings that look for void batches which exist after all. */
  lateListingEveryMs: 15 * 60_000,
  /** How far back others in the workspace are looked for at the start: a batch lives for a day. */
  foreignLookMs: 24 * 3_600_000,
  /** Between two polls of a batch that a recovery waits for. */
  recoverPollMs: 1_000,
  /** Jobs looked up in one statement by a recovery. */
  recoverJobsPerRead: 5_000,
} as const;
