// The OpenAPI 3.1 document, generated from the same records the routes are mounted from. What a record does not say but every
// route does (who may call, what a malformed query answers) is added here.
import { z } from "zod";
import { type ErrorCode, errorCatalogue } from "../domain/errors.ts";
import type { AnswerDoc, Route } from "./route.ts";
import { problemSchema } from "./schemas.ts";

type JsonObject = Record<string, unknown>;

/** The document for these routes. */
export function openApiDocument(routes: readonly Route[], origin: string): JsonObject {
  const schemas = new Schemas();
  const paths: Record<string, JsonObject> = {};
  for (const route of routes) (paths[route.path] ??= {})[route.method] = operationOf(route, schemas);
  schemas.refer(problemSchema, "output");
  return {
    openapi: "3.1.0",
    info: {
      title: "Sluice",
      version: "1",
      description:
        "Bulk work on the Anthropic API: capped, paced, batched, stoppable. Every refusal is RFC 9457 problem+json.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: origin }],
    security: [{ key: [] }],
    paths,
    components: {
      securitySchemes: {
        key: { type: "http", scheme: "bearer", description: "An API key: `Authorization: Bearer slk_…`." },
      },
      schemas: schemas.all,
    },
  };
}

function operationOf(route: Route, schemas: Schemas): JsonObject {
  const { access } = route;
  const scope = access === "open" ? [] : [`Needs the scope ${access.scope}.`];
  const installation =
    access !== "open" && access.installation === true ? ["Needs a key of the installation."] : [];
  return {
    operationId: route.name,
    tags: [route.tag],
    summary: route.summary,
    description: [...(route.about === undefined ? [] : [route.about]), ...scope, ...installation].join(" "),
    ...(access === "open" ? { security: [] } : { "x-scope": access.scope }),
    parameters: parametersOf(route, schemas),
    ...requestBodyOf(route, schemas),
    responses: responsesOf(route, schemas),
  };
}

function parametersOf(route: Route, schemas: Schemas): JsonObject[] {
  const named = (where: "path" | "query", schema: z.ZodObject | undefined): JsonObject[] =>
    Object.entries(schema?.shape ?? {}).map(([name, value]) => ({
      name,
      in: where,
      required: where === "path",
      schema: schemas.refer(value, "input"),
    }));
  return [
    ...named("path", route.params),
    ...named("query", route.query),
    ...(route.access === "open"
      ? []
      : [header("Sluice-Tenant", "For installation keys: the tenant to act for.")]),
    ...(route.idempotent === true
      ? [header("Idempotency-Key", "The same key and request within 48 h act once and get the same answer.")]
      : []),
  ];
}

const header = (name: string, description: string): JsonObject => ({
  name,
  in: "header",
  required: false,
  description,
  schema: { type: "string" },
});

function requestBodyOf(route: Route, schemas: Schemas): JsonObject {
  const content = route.upload ?? (route.body === undefined ? undefined : { "application/json": route.body });
  if (content === undefined) return {};
  const types = Object.entries(content).map(([type, schema]): [string, JsonObject] => [
    type,
    { schema: schemas.refer(schema, "input") },
  ]);
  const required = route.upload !== undefined || route.body?.safeParse(undefined).success === false;
  return { requestBody: { required, content: Object.fromEntries(types) } };
}

function responsesOf(route: Route, schemas: Schemas): JsonObject {
  const responses: JsonObject = {};
  for (const [status, answer] of Object.entries(route.answers))
    responses[status] = responseOf(answer, schemas);
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of errorsOf(route)) {
    const { status } = errorCatalogue[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  for (const [status, codes] of byStatus) {
    responses[String(status)] ??= {
      description: codes.map((code) => `${code}: ${errorCatalogue[code].title}`).join(" · "),
      content: { "application/problem+json": { schema: schemas.refer(problemSchema, "output") } },
      "x-codes": codes,
    };
  }
  return responses;
}

function responseOf(
  { about, schema, mediaType = "application/json" }: AnswerDoc,
  schemas: Schemas,
): JsonObject {
  if (schema === undefined) return { description: about };
  return { description: about, content: { [mediaType]: { schema: schemas.refer(schema, "output") } } };
}

/** Everything the route can answer with: its own errors and those every route of its kind has. */
export function errorsOf(route: Route): ErrorCode[] {
  const codes = new Set<ErrorCode>(route.errors);
  const add = (when: boolean, ...more: ErrorCode[]): void => {
    if (when) for (const code of more) codes.add(code);
  };
  add(route.access !== "open", "unauthorized", "forbidden_scope", "not_found", "invalid_header");
  add(true, "invalid_query", "database_unavailable", "internal");
  add(route.params !== undefined, "not_found");
  add(route.body !== undefined, "invalid_json", "invalid_input", "unsupported_media_type");
  add(route.body !== undefined && route.oneLine !== true, "upload_too_large");
  add(route.idempotent === true, "idempotency_in_progress", "idempotency_mismatch", "invalid_header");
  return [...codes].toSorted();
}

/** Named schemas are written once, under components; the rest where they stand. */
class Schemas {
  readonly all: Record<string, unknown> = {};

  refer(schema: z.core.$ZodType, io: "input" | "output"): unknown {
    const written = z.toJSONSchema(schema, { io, unrepresentable: "any", target: "draft-2020-12" });
    const { $defs, $schema: _dialect, ...own } = written;
    for (const [name, definition] of Object.entries($defs ?? {}))
      this.all[name] ??= withComponentRefs(definition);
    const name = z.globalRegistry.get(schema)?.id;
    if (name === undefined) return withComponentRefs(own);
    this.all[name] ??= withComponentRefs(own);
    return { $ref: `#/components/schemas/${name}` };
  }
}

function withComponentRefs(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withComponentRefs);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value)
    // The name of a schema is where it stands; JSON Schema knows no `id`.
    .filter(([name, each]) => !(name === "id" && typeof each === "string"))
    .map(([name, each]): [string, unknown] =>
      name === "$ref" && typeof each === "string"
        ? [name, each.replace("#/$defs/", "#/components/schemas/")]
        : [name, withComponentRefs(each)],
    );
  return Object.fromEntries(entries);
}
