// Three kinds of trouble exist here and are never mixed: *outcomes* (refused, truncated, rate limited) are values, returned
// as unions; *bugs* assert and crash; *faults* and refusals, which somebody outside has to act on, are a ServiceError with a
// code of the catalogue.
//
// The message of a ServiceError is always the fixed title, never the detail: messages travel into BullMQ's failure reasons,
// stack traces and logs, and what a caller sent must not travel with them. The detail goes to the caller only.
import { errorCatalogue, type ErrorCode } from "./error-catalogue.ts";

export { errorCatalogue, type ErrorCode };

/** One thing wrong with one field; `line` is 1-based and present for uploads only. */
export interface FieldError {
  readonly line?: number;
  readonly field: string;
  readonly reason: string;
}

interface ServiceErrorOptions {
  /** For the caller: what exactly, in one sentence. May name values the caller sent; never logged. */
  readonly detail?: string | undefined;
  /** The one field at fault, as a path: `jobs.3.input.text`, `?urgency`. */
  readonly field?: string | undefined;
  readonly fields?: readonly FieldError[] | undefined;
  readonly cause?: unknown;
  /** Whole seconds for the Retry-After header. */
  readonly retryAfterS?: number | undefined;
  /** Further members of the problem object, such as `smallest_limit_usd`. */
  readonly extra?: Readonly<Record<string, unknown>> | undefined;
}

/** A fault or a refusal of the catalogue. Its message is the catalogue's title, so that it can be logged anywhere. */
export class ServiceError extends Error {
  readonly code: ErrorCode;
  readonly detail: string | undefined;
  readonly field: string | undefined;
  readonly fields: readonly FieldError[];
  readonly retryAfterS: number | undefined;
  readonly extra: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, options: ServiceErrorOptions = {}) {
    super(errorCatalogue[code].title, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "ServiceError";
    this.code = code;
    this.detail = options.detail;
    this.field = options.field;
    this.fields = options.fields ?? [];
    this.retryAfterS = options.retryAfterS;
    this.extra = options.extra ?? {};
  }

  get status(): number {
    return errorCatalogue[this.code].status;
  }

  get retryable(): boolean {
    return errorCatalogue[this.code].retryable;
  }
}

/** The body of every refusal: RFC 9457 problem details with Sluice's own members. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  readonly code: ErrorCode;
  readonly hint: string;
  readonly retryable: boolean;
  readonly errors?: readonly FieldError[];
  readonly [extra: string]: unknown;
}

/**
 * The problem+json object for any thrown value. What is not a ServiceError becomes `internal`, without a word of its own
 * message: it may carry content or a secret.
 */
export function problemOf(error: unknown): Problem {
  const known = error instanceof ServiceError ? error : new ServiceError("internal");
  const { status, title, hint, retryable } = errorCatalogue[known.code];
  const errors = fieldErrorsOf(known);
  return {
    ...known.extra,
    type: `urn:sluice:error:${known.code}`,
    title,
    status,
    ...(known.detail === undefined ? {} : { detail: known.detail }),
    code: known.code,
    hint,
    retryable,
    ...(errors.length === 0 ? {} : { errors }),
  };
}

function fieldErrorsOf(error: ServiceError): readonly FieldError[] {
  if (error.fields.length > 0 || error.field === undefined) return error.fields;
  return [{ field: error.field, reason: error.detail ?? error.message }];
}

/** True for a ServiceError with this code; saves the instanceof at every catch. */
export const isServiceError = (error: unknown, code: ErrorCode): error is ServiceError =>
  error instanceof ServiceError && error.code === code;
