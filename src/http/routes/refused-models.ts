import { z } from "zod";
import { ServiceError } from "../../domain/errors.ts";
import { allowModel, listRefusedModels } from "../../postgres/credentials.ts";
import type { Api } from "../api.ts";
import { reasonText } from "../budgets/wish.ts";
import { iso } from "../present.ts";
import { defineRoute, type Route } from "../route.ts";

const refusedModel = z
  .object({
    model: z.string(),
    credential: z.string(),
    since: z.string(),
    refused_at: z.string().meta({ description: "The last refusal." }),
    probed_at: z.string().nullable().meta({ description: "When it was last tried with one job." }),
  })
  .meta({ id: "RefusedModel" });

function listRoute(api: Api): Route {
  return defineRoute({
    method: "get",
    path: "/v1/refused-models",
    name: "listRefusedModels",
    tag: "operation",
    summary: "List the models that the provider refuses to the key",
    about:
      "Their work waits with the reason credential; all other work goes on. Each is tried again with one job after a while.",
    access: { scope: "read", installation: true },
    answers: { 200: { about: "All there are.", schema: z.object({ models: z.array(refusedModel) }) } },
    errors: [],
    async handle() {
      const rows = await listRefusedModels(api.pool);
      const models = rows.map((row) => ({
        model: row.model,
        credential: row.credential_name,
        since: row.since.toISOString(),
        refused_at: row.refused_at.toISOString(),
        probed_at: iso(row.probed_at),
      }));
      return { status: 200, body: { models } };
    },
  });
}

function allowRoute(api: Api): Route {
  return defineRoute({
    method: "post",
    path: "/v1/refused-models/{model}/allow",
    name: "allowModel",
    tag: "operation",
    summary: "Let the work of a refused model go on now",
    about: "If the provider refuses it again, it is held back again.",
    access: { scope: "operate", installation: true },
    params: z.strictObject({ model: z.string().min(1).max(200) }),
    body: z.strictObject({ reason: reasonText }).meta({ id: "AllowModel" }),
    answers: { 204: { about: "It is not held back any more." } },
    errors: ["not_found"],
    async handle({ params, body, caller }) {
      const act = { model: params.model, actor: caller.actor, reason: body.reason };
      if (!(await allowModel(api.pool, act))) throw new ServiceError("not_found");
      return { status: 204 };
    },
  });
}

export const refusedModelRoutes = (api: Api): Route[] => [listRoute(api), allowRoute(api)];
