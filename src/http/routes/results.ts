import { z } from "zod";
import { limits } from "../../config/limits.ts";
import { ServiceError } from "../../domain/errors.ts";
import { finalStates } from "../../domain/job.ts";
import { readErrors } from "../../postgres/intake.ts";
import { readResultsByLine, type ResultRow } from "../../postgres/jobs-read.ts";
import type { Pool } from "../../postgres/pool.ts";
import { readLastLine } from "../../postgres/bulks.ts";
import { pagesByRange } from "../../postgres/ranges.ts";
import type { Api } from "../api.ts";
import { presentResult } from "../present.ts";
import { resultsByFinish } from "../results/finish-order.ts";
import { goneSignal, isGone, sendNdjson } from "../results/stream.ts";
import { type Call, defineRoute, type Route } from "../route.ts";
import { idParams, lineErrorSchema, outcomeSchema, resultSchema } from "../schemas.ts";
import { requireContent } from "./bulks.ts";

const flag = z.enum(["true", "false", "1", "0"]).transform((text) => text === "true" || text === "1");

/** One outcome, several, or a comma list of them. */
export const outcomesQuery = z
  .union([z.string(), z.array(z.string()).max(finalStates.length)])
  .transform((given) => (typeof given === "string" ? [given] : given).flatMap((text) => text.split(",")))
  .pipe(z.array(outcomeSchema).min(1))
  .meta({ description: "One or several of the outcomes, separated by commas." });

const resultsQuery = z.strictObject({
  outcome: outcomesQuery.optional(),
  order: z.enum(["line", "finished"]).optional(),
  follow: flag.default(false),
});
type ResultsCall = Call<{ id: string }, z.output<typeof resultsQuery>, undefined>;

function resultsRoute(api: Api): Route {
  return defineRoute({
    method: "get",
    path: "/v1/bulks/{id}/results",
    name: "getResults",
    tag: "bulks",
    summary: "Stream the results of a bulk",
    about:
      "One JSON value a line, gzipped on request. Jobs without an outcome are left out. order=line (default) sorts by line, " +
      "order=finished by the order of the outcomes. follow=true sends outcomes as they come and ends with the last one.",
    access: { scope: "read" },
    params: idParams,
    query: resultsQuery,
    answers: {
      200: { about: "A result a line.", schema: resultSchema, mediaType: "application/x-ndjson" },
    },
    errors: ["too_many_requests"],
    async handle(call) {
      const { params, query, caller, request, response } = call;
      if (query.follow && query.order === "line")
        throw new ServiceError("invalid_query", {
          fields: [{ field: "?order", reason: "must be finished where follow is true" }],
        });
      await requireContent(api, params.id, caller);
      const pages = await pagesFor(api, call);
      const free = query.follow ? api.streams.take() : () => undefined;
      try {
        await sendNdjson(request, response, presented(pages, query.outcome));
      } catch (error) {
        if (!isGone(error)) throw error;
      } finally {
        free();
      }
      return undefined;
    },
  });
}

async function pagesFor(
  api: Api,
  { params, query, response }: ResultsCall,
): Promise<AsyncIterable<ResultRow[]>> {
  if (!query.follow && query.order !== "finished")
    return resultsByLine(api.pool, params.id, query.outcome ?? finalStates);
  return resultsByFinish(api, {
    bulkId: params.id,
    lines: await readLastLine(api.pool, params.id),
    follow: query.follow,
    signal: goneSignal(response),
  });
}

async function* presented(
  pages: AsyncIterable<ResultRow[]>,
  outcomes: readonly string[] | undefined,
): AsyncGenerator<unknown[]> {
  for await (const rows of pages) {
    const wanted = outcomes === undefined ? rows : rows.filter((row) => outcomes.includes(row.state));
    yield wanted.map(presentResult);
  }
}

async function* resultsByLine(
  pool: Pool,
  bulkId: string,
  outcomes: readonly string[],
): AsyncGenerator<ResultRow[]> {
  const rowsMax = limits.resultRowsPerFetch;
  yield* pagesByRange({
    after: 0,
    last: await readLastLine(pool, bulkId),
    rowsMax,
    read: (after, to) => readResultsByLine(pool, bulkId, { outcomes, after, to, rowsMax }),
    numberOf: (row) => row.line,
  });
}

function errorsRoute(api: Api): Route {
  return defineRoute({
    method: "get",
    path: "/v1/bulks/{id}/errors",
    name: "getErrors",
    tag: "bulks",
    summary: "Stream the lines that a skip upload left out, and why",
    about: `At most the first ${limits.uploadErrorsStoredMax} errors are kept.`,
    access: { scope: "read" },
    params: idParams,
    answers: {
      200: { about: "An error a line.", schema: lineErrorSchema, mediaType: "application/x-ndjson" },
    },
    errors: [],
    async handle({ params, caller, request, response }) {
      await requireContent(api, params.id, caller);
      try {
        await sendNdjson(request, response, errorPages(api.pool, params.id));
      } catch (error) {
        if (!isGone(error)) throw error;
      }
      return undefined;
    },
  });
}

async function* errorPages(pool: Pool, bulkId: string): AsyncGenerator<unknown[]> {
  for (let after = { line: 0, n: 0 }; ;) {
    // oxlint-disable-next-line no-await-in-loop -- a page follows from the one before
    const rows = await readErrors(pool, bulkId, { after, rowsMax: limits.resultRowsPerFetch });
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows.map(({ line, field, reason }) => ({ line, field, reason }));
    after = { line: last.line, n: last.n };
  }
}

export const resultRoutes = (api: Api): Route[] => [resultsRoute(api), errorsRoute(api)];
