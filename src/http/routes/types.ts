import { z } from "zod";
import type { CompiledJobType } from "../../domain/compile-job-type.ts";
import { namedCaps } from "../../domain/caps.ts";
import { readSizes } from "../../postgres/right-sizes.ts";
import type { TypeSize } from "../../postgres/right-sizes.ts";
import type { Api } from "../api.ts";
import { presentSize, sizeSchema } from "../bounds.ts";
import { shownCaps } from "../caps.ts";
import { defineRoute, type Route } from "../route.ts";
import { requireType } from "../target.ts";

const typeSchema = z
  .object({
    name: z.string(),
    owner: z.string(),
    description: z.string(),
    model: z.string().nullable().meta({ description: "null: each input names its own." }),
    max_tokens: z.int().nullable(),
    caps: shownCaps,
    default_urgency: z.enum(["now", "whenever"]).nullable(),
    expires_at_deadline: z.boolean(),
    right_size: z.array(sizeSchema).nullable().meta({
      description:
        "Lengths of answers seen and the caps that follow; null where the type does not ask, and for a tenant's key: they are of all tenants.",
    }),
    on_stop: z.enum(["wait", "static"]).meta({ description: "What becomes of waiting jobs while stopped." }),
    serving_version: z.int(),
    versions: z.array(z.object({ version: z.int(), sha256: z.string() })),
    fields: z.record(
      z.string(),
      z.object({
        trust: z.enum(["instruction", "data"]),
        shareable: z.boolean(),
        chars_max: z.int().nullable(),
      }),
    ),
    input: z.unknown().meta({ description: "JSON Schema of an input." }),
    output: z
      .unknown()
      .meta({ description: "JSON Schema of an answer; null where it depends on the input." }),
  })
  .meta({ id: "JobType" });

/** `sizes`: those of all types; null: not for this caller. Of the attempts that a type wishes only those count that are allowed here. */
function presentType({ config }: Api, type: CompiledJobType, sizes: readonly TypeSize[] | null) {
  const caps = { ...type.caps, attemptsMax: Math.min(type.attemptsMax, config.attemptsMax) };
  return {
    name: type.name,
    owner: type.owner,
    description: type.description,
    model: type.model,
    max_tokens: type.maxTokens,
    caps: namedCaps(caps),
    default_urgency: type.defaultUrgency,
    expires_at_deadline: type.expiresAtDeadline,
    right_size: type.rightSize
      ? (sizes?.filter(({ jobType }) => jobType === type.name).map(presentSize) ?? null)
      : null,
    on_stop: type.stopAnswer === null ? "wait" : "static",
    serving_version: type.servingVersion,
    versions: type.promptVersions.map(({ version, sha256 }) => ({ version, sha256 })),
    fields: Object.fromEntries(
      Object.entries(type.fields).map(([name, { trust, shareable, charsMax }]) => [
        name,
        { trust, shareable: shareable === true, chars_max: charsMax ?? null },
      ]),
    ),
    input: type.inputJsonSchema,
    output: type.outputJsonSchema,
  };
}

function listRoute(api: Api): Route {
  return defineRoute({
    method: "get",
    path: "/v1/types",
    name: "listTypes",
    tag: "types",
    summary: "List the job types",
    access: { scope: "read" },
    answers: { 200: { about: "All of them.", schema: z.object({ types: z.array(typeSchema) }) } },
    errors: [],
    async handle({ caller }) {
      const types = [...api.jobTypes.values()];
      const asked = caller.installation && types.some((type) => type.rightSize);
      const sizes = asked ? await readSizes(api.pool, null) : null;
      return { status: 200, body: { types: types.map((type) => presentType(api, type, sizes)) } };
    },
  });
}

function getRoute(api: Api): Route {
  return defineRoute({
    method: "get",
    path: "/v1/types/{name}",
    name: "getType",
    tag: "types",
    summary: "Read one job type: its schemas and versions",
    access: { scope: "read" },
    params: z.strictObject({ name: z.string().min(1).max(64) }),
    answers: { 200: { about: "The job type.", schema: typeSchema } },
    errors: ["type_not_found"],
    async handle({ params, caller }) {
      const type = requireType(api, params.name);
      const asked = caller.installation && type.rightSize;
      const sizes = asked ? await readSizes(api.pool, type.name) : null;
      return { status: 200, body: presentType(api, type, sizes) };
    },
  });
}

export const typeRoutes = (api: Api): Route[] => [listRoute(api), getRoute(api)];
