// How a failure leaves: problem+json (RFC 9457) from the catalogue, with the headers that go with its code. Logged once, here,
// and only if it is ours: a refusal is the caller's business.
import type { ErrorRequestHandler, Request, Response } from "express";
import { limits } from "../config/limits.ts";
import { errorCatalogue, type Problem, problemOf, ServiceError } from "../domain/errors.ts";
import { errorFields } from "../observe/error-fields.ts";
import type { Log } from "../observe/log.ts";
import { databaseFault } from "../postgres/pool.ts";

/** The problem as it is sent: with the id by which the log can be searched. */
export function problemFor(error: unknown, requestId: string): Problem {
  return { ...problemOf(databaseFault(error)), request_id: requestId };
}

/** The last handler of the app. */
export function problemHandler(log: Log): ErrorRequestHandler {
  // Express knows an error handler by its four parameters.
  return (error: unknown, request, response, _next) => {
    const fault = knownFault(error);
    const requestId = requestIdOf(response);
    const problem = problemFor(fault, requestId);
    report(log, { fault, problem, requestId, request, response });
    if (response.headersSent) {
      // Half an answer cannot be taken back; a closed connection tells the caller that it is half.
      response.destroy();
      return;
    }
    for (const [name, value] of Object.entries(headersFor(fault))) response.setHeader(name, value);
    if (!request.complete) refuseRest(request, response);
    response.status(problem.status).type("application/problem+json").send(JSON.stringify(problem));
  };
}

export function requestIdOf(response: Response): string {
  const id: unknown = response.locals["requestId"];
  return typeof id === "string" ? id : "";
}

// What express itself throws (a path that is not valid percent-encoding) carries a status.
function knownFault(error: unknown): unknown {
  const fault = databaseFault(error);
  if (fault instanceof ServiceError || !(fault instanceof Error)) return fault;
  const status: unknown = "status" in fault ? fault.status : undefined;
  return typeof status === "number" && status >= 400 && status < 500
    ? new ServiceError("not_found", { cause: fault })
    : fault;
}

function headersFor(fault: unknown): Record<string, string> {
  if (!(fault instanceof ServiceError)) return {};
  const headers: Record<string, string> = {};
  if (fault.code === "unauthorized") headers["WWW-Authenticate"] = 'Bearer realm="sluice"';
  const waitS = fault.retryAfterS ?? (fault.status === 503 ? limits.storeRetryAfterS : undefined);
  if (waitS !== undefined) headers["Retry-After"] = String(waitS);
  return headers;
}

/** The caller is still sending. It is told that nobody listens, and given a moment to read the answer before the line is cut. */
function refuseRest(request: Request, response: Response): void {
  response.setHeader("Connection", "close");
  request.resume();
  response.once("finish", () => {
    const cut = setTimeout(() => request.destroy(), limits.refusedBodyGraceMs);
    cut.unref();
    request.once("close", () => clearTimeout(cut));
  });
}

interface Failure {
  readonly fault: unknown;
  readonly problem: Problem;
  readonly requestId: string;
  readonly request: Request;
  readonly response: Response;
}

const submissions = new Set(["POST /v1/bulks", "POST /v1/jobs", "POST /v1/bulks/{id}/retry"]);

function report(log: Log, { fault, problem, requestId, request, response }: Failure): void {
  const route: unknown = response.locals["route"];
  const fields = {
    request_id: requestId,
    method: request.method,
    route: typeof route === "string" ? route : undefined,
    code: problem.code,
  };
  if (problem.code === "upload_incomplete") log.event("http.aborted", fields);
  else if (problem.code === "unauthorized" || problem.code === "forbidden_scope")
    log.event("auth.refused", fields);
  else if (errorCatalogue[problem.code].status < 500) {
    if (submissions.has(String(route))) log.event("bulk.refused", fields);
  } else log.event("http.failed", { ...fields, ...errorFields(fault) });
}
