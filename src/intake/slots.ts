// A bound on how many of something go on at once. No queue: who finds none free is told so and comes again.
import { ServiceError } from "../domain/errors.ts";

export interface Slots {
  /**
   * Takes a slot; the answer gives it back (once, however often it is called).
   * @throws ServiceError too_many_requests if none is free
   */
  take(): () => void;
}

/** `retryAfterS`: what a refused caller is told, in seconds. */
export function createSlots(max: number, retryAfterS: number): Slots {
  let taken = 0;
  return {
    take() {
      if (taken >= max) throw new ServiceError("too_many_requests", { retryAfterS });
      taken += 1;
      let held = true;
      return () => {
        if (held) taken -= 1;
        held = false;
      };
    },
  };
}
