// The way in to the board: a plain form that takes an installation key, and the way out.
import express, { Router, type RequestHandler, type Response } from "express";
import { limits } from "../../config/limits.ts";
import type { Clock } from "../../domain/clock.ts";
import type { Log } from "../../observe/log.ts";
import type { Database } from "../../postgres/pool.ts";
import { html, page, type Html } from "./html.ts";
import { isSameOrigin, signIn, TryCounter } from "./session.ts";

interface SignInDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly basePath: string;
  readonly publicUrl: string | undefined;
  readonly simulated: boolean;
}

const formBytesMax = 4_096;

export function signInRoutes(deps: SignInDeps): Router {
  const router = Router();
  router.get("/sign-in", (request, response) =>
    showForm(deps, response, { status: 200, next: nextOf(deps, request.query["next"]) }),
  );
  router.post("/sign-in", express.urlencoded({ extended: false, limit: formBytesMax }), takeKey(deps));
  // Signing out harms nobody, so a plain link may do it.
  router.all("/sign-out", (request, response) => {
    request.session = null;
    response.redirect(303, `${deps.basePath}/sign-in`);
  });
  return router;
}

function takeKey(deps: SignInDeps): RequestHandler {
  const tries = new TryCounter(deps.clock);
  return async (request, response) => {
    const form: unknown = request.body;
    const next = nextOf(deps, fieldOf(form, "next"));
    const refuse = (status: number, fault: string): void => {
      deps.log.event("auth.refused", { at: "board", status });
      showForm(deps, response, { status, next, fault });
    };
    if (!isSameOrigin(request, deps.publicUrl)) refuse(403, "This form was sent by another site.");
    else if (!tries.take(request.ip ?? "")) {
      response.setHeader("Retry-After", "60");
      refuse(429, `Too many tries: at most ${limits.signInsPerMinuteMax} a minute. Wait a minute.`);
    } else if (await signIn(deps, request, fieldOf(form, "key").trim())) response.redirect(303, next);
    else refuse(401, "This is not a key of the installation that may read.");
  };
}

function fieldOf(form: unknown, name: string): string {
  const value: unknown = typeof form === "object" && form !== null ? Reflect.get(form, name) : undefined;
  return typeof value === "string" ? value : "";
}

/** Only to our own pages: anything else would make the form a way to lead people elsewhere. */
function nextOf({ basePath }: SignInDeps, wished: unknown): string {
  const isOwn =
    typeof wished === "string" && wished.startsWith(`${basePath}/`) && /^[\w/?=&.%-]*$/.test(wished);
  return isOwn && !wished.includes("..") ? wished : `${basePath}/queues`;
}

interface Shown {
  readonly status: number;
  readonly next: string;
  readonly fault?: string;
}

function showForm(
  { basePath, simulated }: SignInDeps,
  response: Response,
  { status, next, fault }: Shown,
): void {
  const why: Html = fault === undefined ? html`` : html`<p class="fault" role="alert">${fault}</p>`;
  const body = html`<form class="sign-in" method="post" action="${basePath}/sign-in">
    <h1>Sign in</h1>
    ${why}
    <label for="key">API key of the installation</label>
    <input id="key" name="key" type="password" autocomplete="current-password" required autofocus />
    <input type="hidden" name="next" value="${next}" /><button>Sign in</button>
    <p>
      A key with the scope <code>read</code> may look; one with <code>operate</code> may also pause and
      resume.
    </p>
  </form>`;
  response
    .status(status)
    .type("html")
    .send(page({ title: "Sign in", basePath, simulated }, body));
}
