// Every route there is. Mounted by app.ts, described by openapi.ts; a test compares the two.
import { z } from "zod";
import type { Api } from "../api.ts";
import { openApiDocument } from "../openapi.ts";
import { defineRoute, type Route } from "../route.ts";
import { budgetRoutes } from "./budgets.ts";
import { alertRoutes } from "./alerts.ts";
import { boundRoutes } from "./bounds.ts";
import { bulkActRoutes } from "./bulk-acts.ts";
import { bulkRoutes } from "./bulks.ts";
import { operationRoutes } from "./health.ts";
import { jobRoutes } from "./jobs.ts";
import { accessRoutes } from "./keys.ts";
import { pauseRoutes } from "./pauses.ts";
import { queueRoutes } from "./queues.ts";
import { refusedModelRoutes } from "./refused-models.ts";
import { resultRoutes } from "./results.ts";
import { spendRoute } from "./spend.ts";
import { stopRoutes } from "./stops.ts";
import { submitBulkRoute } from "./submit-bulk.ts";
import { typeRoutes } from "./types.ts";

export function allRoutes(api: Api): Route[] {
  const routes = [
    submitBulkRoute(api),
    ...bulkRoutes(api),
    ...bulkActRoutes(api),
    ...resultRoutes(api),
    ...jobRoutes(api),
    ...queueRoutes(api),
    ...pauseRoutes(api),
    ...stopRoutes(api),
    ...refusedModelRoutes(api),
    ...budgetRoutes(api),
    ...boundRoutes(api),
    spendRoute(api),
    ...alertRoutes(api),
    ...typeRoutes(api),
    ...accessRoutes(api),
    ...operationRoutes(api),
  ];
  const document = defineRoute({
    method: "get",
    path: "/openapi.json",
    name: "getOpenApi",
    tag: "operation",
    summary: "This document",
    access: "open",
    answers: { 200: { about: "OpenAPI 3.1.", schema: z.looseObject({ openapi: z.string() }) } },
    errors: [],
    handle: ({ origin }) => Promise.resolve({ status: 200, body: openApiDocument(routes, origin) }),
  });
  routes.push(document);
  return routes;
}
