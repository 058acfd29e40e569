// Bull Board at <base path>/queues, and the pages its entries link to, all behind one login.
//
// A request passes, in this order: safe headers, the session, the question who is signed in, for anything that changes something
// the questions whether it comes from our own page and whether this key may operate, then the table of buttons. The acts that
// remain are pause and resume, and the stop page's one button; they write the flag in Postgres under the name of whoever is signed in.
import { AsyncLocalStorage } from "node:async_hooks";
import { createBullBoard } from "@bull-board/api";
import { ExpressAdapter } from "@bull-board/express";
import { Router, type NextFunction, type Request, type RequestHandler, type Response } from "express";
import helmet from "helmet";
import type { Flags } from "../../control/flags.ts";
import type { Clock } from "../../domain/clock.ts";
import { isId } from "../../domain/ids.ts";
import type { Log } from "../../observe/log.ts";
import type { Database } from "../../postgres/pool.ts";
import type { QueueBackend } from "../../queue/backend.ts";
import { refusalOf } from "./buttons.ts";
import { html, page } from "./html.ts";
import { bulkPage, jobPage, messageBatchPage, type Page } from "./pages.ts";
import { BoardQueues } from "./queues.ts";
import { isSameOrigin, sessionCookie, signedIn, type SignedIn } from "./session.ts";
import { signInRoutes } from "./sign-in.ts";
import { stopPageRoutes } from "./stop-page.ts";

export interface BoardDeps {
  readonly database: Database;
  readonly backend: Pick<QueueBackend, "createQueue">;
  readonly flags: Pick<Flags, "find" | "refresh">;
  readonly clock: Clock;
  readonly log: Log;
  /** Signs the session cookie; see `sessionSecret`. */
  readonly secret: string;
  readonly publicUrl: string | undefined;
  /** The provider is a simulator: said on every page. */
  readonly simulated: boolean;
}

export interface Board {
  /** Where to mount it: Bull Board is at `<path>/queues`. */
  readonly path: string;
  readonly handler: RequestHandler;
}

const basePath = "/admin";

export function createBoard(deps: BoardDeps): Board {
  const secure = deps.publicUrl?.startsWith("https://") === true;
  const acting = new AsyncLocalStorage<SignedIn>();
  const serverAdapter = new ExpressAdapter();
  serverAdapter.setBasePath(`${basePath}/queues`);
  const bullBoard = createBullBoard({
    queues: [],
    serverAdapter,
    options: {
      uiConfig: uiConfigOf(deps.simulated),
      handlerHooks: { before: (press) => refusedPress(press, queues) },
    },
  });
  const queues = new BoardQueues({
    ...deps,
    basePath,
    show: bullBoard.addQueue,
    actor: () => acting.getStore()?.actor ?? "board",
  });

  const router = Router();
  router.use(safeHeaders(secure));
  router.use(sessionCookie(deps.secret, { path: basePath, secure }));
  router.use(signInRoutes({ ...deps, basePath }));
  router.use(requireSignIn(deps, acting));
  router.use((request, response, next) => mayChange(deps, acting.getStore(), { request, response, next }));
  router.get("/", (_request, response) => response.redirect(303, `${basePath}/queues`));
  const pages = pageRoutes(deps, () => acting.getStore()?.actor ?? "");
  router.use(pages);
  router.use(stopPageRoutes({ ...deps, basePath, who: () => acting.getStore() }));
  // Before Bull Board's own: it would press the button of each queue it shows, and there may be more than it shows.
  router.put("/queues/api/queues/pause", (_request, response) =>
    act(deps.log, response, "pause all", () => queues.everything.pause()),
  );
  router.put("/queues/api/queues/resume", (_request, response) =>
    act(deps.log, response, "resume all", () => queues.everything.resume()),
  );
  router.get("/queues/api/queues", async (_request, _response, next) => {
    await queues.refresh();
    next();
  });
  const bullBoardHandler: RequestHandler = serverAdapter.getRouter();
  router.use("/queues", bullBoardHandler);
  return { path: basePath, handler: router };
}

function uiConfigOf(simulated: boolean) {
  return {
    boardTitle: "Sluice",
    environment: simulated
      ? { label: "SIMULATED", color: "#b45309", textColor: "#ffffff" }
      : { label: "LIVE", color: "#15803d", textColor: "#ffffff" },
    miscLinks: [
      { text: "Stop everything", url: `${basePath}/stop` },
      { text: "Sign out", url: `${basePath}/sign-out` },
    ],
    hideDocsLink: true,
    sortQueues: true,
    showWorkers: false,
    showMetrics: false,
    overview: { groupByDelimiter: true },
    pollingInterval: { showSetting: true },
  };
}

interface Press {
  readonly method: string;
  readonly route: string;
  readonly request: { readonly params: Readonly<Record<string, unknown>> };
}

function refusedPress({ method, route, request }: Press, queues: BoardQueues) {
  const isResume = method === "put" && route === "/api/queues/:queueName/resume";
  const held = isResume ? queues.heldByAnother(String(request.params["queueName"])) : undefined;
  const message = refusalOf(method, route) ?? held;
  return message === undefined ? { allow: true } : { allow: false, status: 403 as const, message };
}

function safeHeaders(secure: boolean): RequestHandler {
  return helmet({
    strictTransportSecurity: secure,
    // Without a referrer a form's Origin is sent as "null" over plain HTTP, and the sign-in could not tell its own page.
    referrerPolicy: { policy: "same-origin" },
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        // Bull Board styles elements directly. Its fonts from elsewhere are not fetched: nobody is told who looks at this page.
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", "data:"],
        objectSrc: ["'none'"],
        baseUri: ["'self'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
  });
}

function requireSignIn(deps: BoardDeps, acting: AsyncLocalStorage<SignedIn>): RequestHandler {
  return async (request, response, next) => {
    const who = await signedIn(deps, request);
    if (who === undefined) askToSignIn(request, response);
    else acting.run(who, next);
  };
}

const wantsPage = (request: Request): boolean =>
  request.method === "GET" && request.accepts(["html", "json"]) === "html";

function askToSignIn(request: Request, response: Response): void {
  if (wantsPage(request))
    response.redirect(303, `${basePath}/sign-in?next=${encodeURIComponent(request.originalUrl)}`);
  else refuse(response, 401, "Sign in first.");
}

/** In the form that Bull Board shows to people: a headline and the reason. */
function refuse(response: Response, status: number, message: string): void {
  response.status(status).json({ error: { key: "ERRORS.FORBIDDEN" }, message });
}

interface Passing {
  readonly request: Request;
  readonly response: Response;
  readonly next: NextFunction;
}

function mayChange(
  { publicUrl }: BoardDeps,
  who: SignedIn | undefined,
  { request, response, next }: Passing,
): void {
  if (["GET", "HEAD"].includes(request.method)) next();
  else if (!isSameOrigin(request, publicUrl)) refuse(response, 403, "This request was sent by another site.");
  else if (who?.mayOperate !== true)
    refuse(response, 403, "Your key may look but not act: that needs the scope operate.");
  else next();
}

async function act(log: Log, response: Response, button: string, press: () => Promise<void>): Promise<void> {
  await press();
  log.event("board.acted", { button });
  response.status(200).json({});
}

function pageRoutes({ database, simulated }: BoardDeps, actor: () => string): Router {
  const router = Router();
  const deps = { database, basePath };
  const show =
    (read: (id: string, afterLine: number) => Promise<Page | undefined>): RequestHandler<{ id: string }> =>
    async (request, response) => {
      const { id } = request.params;
      const found = isId(id) ? await read(id, lineOf(request.query["after"])) : undefined;
      const { title, body } = found ?? notFound;
      response.status(found === undefined ? 404 : 200).setHeader("Cache-Control", "no-store");
      response.type("html").send(page({ title, basePath, simulated, actor: actor() }, body));
    };
  router.get(
    "/jobs/:id",
    show((id) => jobPage(deps, id)),
  );
  router.get(
    "/bulks/:id",
    show((id, afterLine) => bulkPage(deps, id, afterLine)),
  );
  router.get(
    "/message-batches/:id",
    show((id) => messageBatchPage(deps, id)),
  );
  return router;
}

const notFound: Page = { title: "Not found", body: html`<h1>There is nothing under this id.</h1>` };

/** The line that a page of jobs begins behind; anything that is none means from the beginning. */
const lineOf = (wished: unknown): number =>
  typeof wished === "string" && /^\d{1,9}$/.test(wished) ? Number(wished) : 0;
