// Bounds of the command line, each with its unit and how it was chosen.
export const cliLimits = {
  /** One request that is not a stream: longer than any statement of the service. */
  requestTimeoutMs: 60_000,
  /** Between two looks at a bulk that is watched. */
  watchEveryMs: 1_000,
  /** A watched service may be away for so long (a restart, an update) before watching gives up. */
  watchPatienceMs: 60_000,
  /** Errors of an upload shown in full; the rest is behind a link. */
  errorsShownMax: 20,
  /** Rows a listing reads in all; what lies beyond is for the API. */
  rowsShownMax: 10_000,
  /** Rows of one page that is asked for. */
  pageRows: 500,
  /** Alerts shown where nothing else is asked for: a screen of them. */
  alertsShown: 20,
  /** How long a test alert may take to its first try, and between two looks at it. */
  alertPatienceMs: 30_000,
  alertEveryMs: 250,
  /** Characters of a progress bar. */
  barChars: 30,
  /** Characters of a reason: as in the API. */
  reasonCharsMax: 500,
  /** Between two looks at a stop that is followed. */
  stopLookMs: 500,
  /** How long living processes get to cancel a stop's message batches before the command does it, too. */
  directCancelAfterMs: 5_000,
  /** Between two looks of a drill, and how long it waits for its load to run and for the stop to be complete. */
  drillLookMs: 50,
  drillWaitMs: 30_000,
  /** Message batches canceled from here in one look, and how long one such call may take. */
  directCancelsMax: 100,
  cancelTimeoutMs: 20_000,
} as const;
