// The app: routes mounted from their records, and around them what every request gets: an id, safe headers, a caller, and a
// problem+json answer whatever goes wrong. Order matters: the board has its own login and comes first, unknown paths come last.
import { randomUUID } from "node:crypto";
import express, { type Express, type Request, type RequestHandler, type Response } from "express";
import helmet from "helmet";
import type { Clock } from "../domain/clock.ts";
import { ServiceError } from "../domain/errors.ts";
import type { Log } from "../observe/log.ts";
import { createApi } from "./api.ts";
import { type Authenticate, type Caller, createAuthenticate } from "./caller.ts";
import type { AppDeps } from "./deps.ts";
import { problemHandler, requestIdOf } from "./problem.ts";
import type { Answer, Route } from "./route.ts";
import { allRoutes } from "./routes/all.ts";

/** Builds the app of one API process; whoever builds it listens (src/http/server.ts) and closes. */
export function createApp(deps: AppDeps): Express {
  const api = createApi(deps);
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  // `a=1&a=2` is a list and nothing more: no nested objects out of brackets.
  app.set("query parser", "simple");
  app.use(nameRequest);
  app.use(logAnswer(deps.log, deps.clock));
  if (deps.board !== undefined) {
    const { path, handler } = deps.board;
    app.use(path, handler);
    // The address that somebody can be told on the phone.
    app.get("/stop", (_request, response) => response.redirect(303, `${path}/stop`));
  }
  app.use(helmet());
  const authenticate = createAuthenticate({ pool: deps.pool, newId: deps.newId, clock: deps.clock });
  const routes = allRoutes(api);
  for (const route of routes) mount(app, route, { authenticate, publicUrl: deps.config.publicUrl });
  for (const [path, methods] of methodsByPath(routes)) app.all(path, refuseMethod(methods));
  app.use(() => {
    throw new ServiceError("not_found", { detail: "There is no such path; see /openapi.json." });
  });
  app.use(problemHandler(deps.log));
  return app;
}

/** `/v1/bulks/{id}` as express writes it. */
const expressPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ":$1");

interface Mounting {
  readonly authenticate: Authenticate;
  readonly publicUrl: string | undefined;
}

function mount(app: Express, route: Route, { authenticate, publicUrl }: Mounting): void {
  app[route.method](expressPath(route.path), async (request: Request, response: Response) => {
    response.locals["route"] = `${route.method.toUpperCase()} ${route.path}`;
    const caller = route.access === "open" ? nobody : await authenticate(request, route.access);
    const origin = publicUrl?.replace(/\/+$/, "") ?? `${request.protocol}://${request.get("host") ?? ""}`;
    const answer = await route.run({ request, response, caller, origin });
    if (answer !== undefined) send(response, answer);
  });
}

/** Who calls an open route. */
const nobody: Caller = {
  keyId: "",
  tenantId: "",
  tenantName: "",
  installation: false,
  actor: "",
  scopes: [],
};

function send(response: Response, { status, body, headers = {} }: Answer): void {
  response.status(status);
  response.setHeader("Cache-Control", "no-store");
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (body === undefined) response.end();
  else if (typeof body === "string") response.send(body);
  else {
    if (response.getHeader("Content-Type") === undefined) response.type("application/json");
    response.send(JSON.stringify(body));
  }
}

const nameRequest: RequestHandler = (request, response, next) => {
  const given = request.get("x-request-id");
  const id = given !== undefined && /^[\w.:-]{1,100}$/.test(given) ? given : randomUUID();
  response.locals["requestId"] = id;
  response.setHeader("X-Request-Id", id);
  next();
};

/** One line per answer, with the route and never the path: ids stand there, but so may anything a caller invents. */
function logAnswer(log: Log, clock: Clock): RequestHandler {
  return (request, response, next) => {
    const startedMs = clock.monotonicMs();
    response.once("close", () => {
      const route: unknown = response.locals["route"];
      log.event("http.answered", {
        request_id: requestIdOf(response),
        method: request.method,
        route: typeof route === "string" ? route : undefined,
        status: response.statusCode,
        complete: response.writableFinished,
        took_ms: Math.round(clock.monotonicMs() - startedMs),
      });
    });
    next();
  };
}

function methodsByPath(routes: readonly Route[]): Map<string, string[]> {
  const methods = new Map<string, string[]>();
  for (const { path, method } of routes) {
    const known = methods.get(expressPath(path)) ?? [];
    methods.set(expressPath(path), [...known, method.toUpperCase()]);
  }
  return methods;
}

function refuseMethod(methods: readonly string[]): RequestHandler {
  return (_request, response) => {
    response.setHeader("Allow", methods.join(", "));
    throw new ServiceError("method_not_allowed", { detail: `Allowed here: ${methods.join(", ")}.` });
  };
}
