// Bounds of the embedded stores and of the queue's connections, each with its unit and how it was chosen.
export const storeLimits = {
  /** Between two looks of a waiter at something that has no event (a lock file, a server that starts). */
  pollEveryMs: 50,
  /** Waiting for the lock of a data directory: longer than a start with crash recovery of a large database. */
  lockWaitMs: 180_000,
  /** A thief of a stale lock works for milliseconds; one that left its mark behind this long ago is dead. */
  lockStealMs: 10_000,
  /** A started server must answer within this time; PostgreSQL replays up to 2 GB of log after a crash. */
  serverStartMs: 120_000,
  /** Tries to start a server. A killed PostgreSQL's last backends hold its shared memory for a moment, and ports get taken. */
  serverStartTriesMax: 5,
  /** Pause before the second try; it doubles with every further one (0.2 s … 1.6 s). */
  serverStartRetryMs: 200,
  /** A server told to stop gets this long before it is told to stop at once. */
  serverStopMs: 30_000,
  /** Between two looks whether the server still runs. */
  watchEveryMs: 1_000,
  /** A server that does not come back is tried again after 1 s, 2 s, … and at most this. */
  watchRetryMaxMs: 30_000,
  /** One connection attempt to a server on this machine. */
  probeTimeoutMs: 3_000,
  /** A server's log is begun anew at its next start when it is larger. */
  serverLogBytesMax: 10_000_000,
} as const;
