// A route is one record: path, what it demands, what it takes, what it answers, and the function that does it. The same record
// is mounted in express and described in /openapi.json, so the two cannot drift apart. Every input goes through zod before the
// function sees it.
import type { Request, Response } from "express";
import { z } from "zod";
import { nearestName } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import { type ErrorCode, type FieldError, ServiceError } from "../domain/errors.ts";
import { pathText } from "../domain/input-error.ts";
import { schemaFaults } from "../intake/line-schema.ts";
import { infiniteNumber } from "../intake/read-line.ts";
import { type Body, mediaTypeOf, openBody, readJson } from "./body.ts";
import type { Access, Caller } from "./caller.ts";

export interface Answer {
  readonly status: number;
  /** Undefined sends no body. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a handler has: the caller, and its own inputs, parsed. */
export interface Call<Params, Query, JsonBody> {
  readonly request: Request;
  readonly response: Response;
  readonly caller: Caller;
  /** `https://host`, what links begin with. */
  readonly origin: string;
  readonly params: Params;
  readonly query: Query;
  readonly body: JsonBody;
  /** Of the JSON body that was parsed; for routes that take an Idempotency-Key. */
  readonly source: Body;
}

export interface AnswerDoc {
  readonly about: string;
  readonly schema?: z.ZodType;
  /** Default application/json. */
  readonly mediaType?: string;
}

interface RouteDoc {
  readonly method: "get" | "post" | "put" | "delete";
  /** In OpenAPI's form: `/v1/bulks/{id}`. */
  readonly path: string;
  /** operationId. */
  readonly name: string;
  readonly tag: string;
  readonly summary: string;
  readonly about?: string;
  readonly access: Access;
  /** Takes an Idempotency-Key. */
  readonly idempotent?: true;
  /** What a body may be where it is read by the route itself, by media type. */
  readonly upload?: Readonly<Record<string, z.ZodType>>;
  /** How large the body may be, by its media type; without it as large as a JSON body that is no upload. */
  readonly bodyBytesMax?: (mediaType: string) => number;
  /** The body is one line of work, and its limit that of a line. */
  readonly oneLine?: true;
  readonly answers: Readonly<Record<number, AnswerDoc>>;
  /** Beside those that follow from access, inputs and the stores. */
  readonly errors: readonly ErrorCode[];
}

export interface RouteSpec<Params, Query, JsonBody> extends RouteDoc {
  readonly params?: z.ZodObject & z.ZodType<Params>;
  readonly query?: z.ZodObject & z.ZodType<Query>;
  readonly body?: z.ZodType<JsonBody>;
  /** Undefined: the handler has answered by itself (a stream). */
  handle(call: Call<Params, Query, JsonBody>): Promise<Answer | undefined>;
}

/** What the request was before anything was parsed. */
export interface Exchange {
  readonly request: Request;
  readonly response: Response;
  readonly caller: Caller;
  readonly origin: string;
}

export interface Route extends RouteDoc {
  readonly params: z.ZodObject | undefined;
  readonly query: z.ZodObject | undefined;
  readonly body: z.ZodType | undefined;
  run(exchange: Exchange): Promise<Answer | undefined>;
}

const nothing = z.strictObject({});

/** Makes a route of its record. */
export function defineRoute<Params = unknown, Query = unknown, JsonBody = undefined>(
  spec: RouteSpec<Params, Query, JsonBody>,
): Route {
  return {
    ...spec,
    params: spec.params,
    query: spec.query,
    body: spec.body,
    async run(exchange) {
      const { request } = exchange;
      const params = parseParams(spec.params ?? z.object({}), request.params);
      const query = parseQuery(spec.query ?? nothing, request.query);
      const source = openBody(request, {
        bytesMax: spec.bodyBytesMax?.(mediaTypeOf(request)) ?? limits.jsonBodyBytesMax,
        fingerprint: fingerprint(request, spec.path),
        tooLarge: spec.oneLine === true ? "line_too_long" : undefined,
      });
      const body = spec.body === undefined ? undefined : await parseBody(spec.body, source);
      /* oxlint-disable typescript/no-unsafe-type-assertion -- each is what its schema gave; without one there is nothing to say */
      return spec.handle({
        ...exchange,
        params: params as Params,
        query: query as Query,
        body: body as JsonBody,
        source,
      });
      /* oxlint-enable typescript/no-unsafe-type-assertion */
    },
  };
}

/** What makes two requests the same, beside their bodies: the query's parameters may come in another order. */
function fingerprint(request: Request, path: string): string {
  const query = [...new URLSearchParams(request.url.split("?")[1] ?? "")].map(String).toSorted();
  return JSON.stringify([request.method, path, request.params, query]);
}

// An id that has not even the form of one is as unknown as any other.
function parseParams(schema: z.ZodObject, params: unknown): unknown {
  const parsed = schema.safeParse(params);
  if (!parsed.success) throw new ServiceError("not_found");
  return parsed.data;
}

function parseQuery(schema: z.ZodObject, query: unknown): unknown {
  const parsed = schema.safeParse(query);
  if (parsed.success) return parsed.data;
  throw new ServiceError("invalid_query", { fields: queryFaults(parsed.error, Object.keys(schema.shape)) });
}

function queryFaults(error: z.ZodError, known: readonly string[]): FieldError[] {
  const unknown = error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys" && issue.path.length === 0 ? issue.keys : [],
  );
  const hint = (name: string): string =>
    known.length === 0 ? "; there are none here" : `; did you mean ${nearestName(name, known)}?`;
  return [
    ...unknown.map((name) => ({
      field: `?${pathText([name])}`,
      reason: `is not a parameter here${hint(name)}`,
    })),
    ...schemaFaults(error, known)
      .filter(({ reason }) => !reason.startsWith("is not a known field"))
      .map(({ field, reason }) => ({ field: `?${field}`, reason })),
  ];
}

async function parseBody(schema: z.ZodType, source: Body): Promise<unknown> {
  if (source.mediaType !== "" && source.mediaType !== "application/json")
    throw new ServiceError("unsupported_media_type", { detail: "Send application/json here." });
  const value = await readJson(source);
  const tooLarge = infiniteNumber(value, "");
  if (tooLarge !== null)
    throw new ServiceError("invalid_input", {
      fields: [{ field: tooLarge, reason: "holds a number too large to be kept" }],
    });
  return checkBody(schema, value);
}

/** Checks a JSON body. @throws ServiceError invalid_input */
export function checkBody<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
  const fields =
    value === undefined
      ? [{ field: "", reason: "a JSON body is required" }]
      : schemaFaults(parsed.error, known);
  throw new ServiceError("invalid_input", { fields });
}
