// Trouble with the queue backend, and what may be told about a processor's failure.
import { DelayedError, RateLimitError, UnrecoverableError, WaitingChildrenError, WaitingError } from "bullmq";
import { ServiceError } from "../domain/errors.ts";

/** Whatever a client of Redis or PostgreSQL threw, as the fault that callers act on. */
export function queueFault(error: unknown): ServiceError {
  return error instanceof ServiceError ? error : new ServiceError("queue_unavailable", { cause: error });
}

/** Rejects with queue_unavailable when the work is not done in time. The work itself cannot be ended. */
export async function withDeadline<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new ServiceError("queue_unavailable", { detail: `no answer within ${ms} ms` })),
      ms,
    );
  });
  try {
    return await Promise.race([work, late]);
  } catch (error) {
    throw queueFault(error);
  } finally {
    clearTimeout(timer);
  }
}

/** Errors by which a processor tells BullMQ what to do with the entry; their texts are ours. */
const directions = [
  DelayedError,
  RateLimitError,
  UnrecoverableError,
  WaitingChildrenError,
  WaitingError,
] as const;

/**
 * What BullMQ may store about a failed entry. It keeps the message and shows it on the board, and messages of libraries quote
 * what they were given; so only codes and class names get through.
 */
export function storableFailure(error: unknown): Error {
  if (error instanceof Error && directions.some((direction) => error instanceof direction)) return error;
  if (error instanceof ServiceError) return new Error(`${error.code}: ${error.message}`);
  return new Error(error instanceof Error ? error.name : typeof error);
}

/** True for an error that directs BullMQ and is no failure. */
export const isDirection = (error: unknown): boolean =>
  error instanceof Error && directions.some((direction) => error instanceof direction);
