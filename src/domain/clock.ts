// Two clocks, because they answer two questions. The wall clock says *when* and is what gets stored; it may jump, forwards
// and backwards. The monotonic clock says *how long* and is only good for differences inside one process. Nothing below
// src/config reads either of them: rules take instants as arguments, everything else takes a Clock.

export interface Clock {
  /** Wall time, for what is stored or shown. */
  now(): Date;
  /** Milliseconds since an arbitrary start, never going back, for differences. */
  monotonicMs(): number;
}
