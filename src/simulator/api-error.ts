/**
 * Everything the API can answer that is not a 200. The envelope is
 * `{"type":"error","error":{"type","message","details"?},"request_id"}`; an edge proxy may answer plain HTML instead.
 */
export interface ApiErrorShape {
  readonly status: number;
  readonly type: string;
  readonly message: string;
  /** Goes into `error.details.error_code`. */
  readonly code?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Answer this body as text/html instead of the envelope. */
  readonly html?: string | undefined;
}

export class ApiError extends Error {
  readonly shape: ApiErrorShape;
  constructor(shape: ApiErrorShape) {
    super(shape.message);
    this.name = "ApiError";
    this.shape = shape;
  }
}

export const invalidRequest = (message: string, code?: string): ApiError =>
  new ApiError({ status: 400, type: "invalid_request_error", message, code });

export const notFound = (message: string): ApiError =>
  new ApiError({ status: 404, type: "not_found_error", message });

export const tooLarge = (message: string, code?: string): ApiError =>
  new ApiError({ status: 413, type: "request_too_large", message, code, headers: { connection: "close" } });

/** The `error` member of an envelope; also the inner error of an errored batch row. */
export const errorBody = (
  shape: ApiErrorShape,
): { type: string; message: string; details?: { error_code: string } } => ({
  type: shape.type,
  message: shape.message,
  ...(shape.code === undefined ? {} : { details: { error_code: shape.code } }),
});
