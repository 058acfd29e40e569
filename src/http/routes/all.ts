// Every route there is. Mounted by app.ts, described by openapi.ts; a test compares the two.
import type { Api } from "../api.ts";
import type { Route } from "../route.ts";
import { bulkRoutes } from "./bulks.ts";
import { jobRoutes } from "./jobs.ts";
import { accessRoutes } from "./keys.ts";
import { resultRoutes } from "./results.ts";
import { submitBulkRoute } from "./submit-bulk.ts";

export const allRoutes = (api: Api): Route[] => [
  submitBulkRoute(api),
  ...bulkRoutes(api),
  ...resultRoutes(api),
  ...jobRoutes(api),
  ...accessRoutes(api),
];
