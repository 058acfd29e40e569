import { z } from "zod";
import { requireTenant } from "../../control/access.ts";
import {
  pauseAll,
  pauseQueue,
  pauseTenant,
  resumeAll,
  resumeQueue,
  resumeTenant,
} from "../../control/pauses.ts";
import type { Api } from "../api.ts";
import { reasonText } from "../budgets/wish.ts";
import { defineRoute, type Route } from "../route.ts";
import { nameParams } from "../schemas.ts";
import { ownerOf, sharedQuery } from "./queues.ts";

const pauseBody = z.strictObject({ reason: reasonText }).meta({ id: "Pause" });
const resumeBody = z.strictObject({ reason: reasonText.optional() }).optional();
const pauseAnswer = z
  .object({
    paused: z.boolean(),
    reason: z.string().nullable(),
    set_by: z.string().nullable(),
    set_at: z.string().nullable(),
  })
  .meta({ id: "PauseState" });

const byAPerson = "What the breaker or an overrun has paused needs a key whose holder is a person.";

function pauseRoute(api: Api): Route {
  return defineRoute({
    method: "post",
    path: "/v1/queues/{name}/pause",
    name: "pauseQueue",
    tag: "queues",
    summary: "Pause a queue: nothing new of it starts",
    about:
      "What is under way ends; polling, results and settlement go on. Pausing twice keeps the first pause.",
    access: { scope: "operate" },
    params: nameParams,
    query: sharedQuery,
    body: pauseBody,
    answers: { 200: { about: "The pause in force.", schema: pauseAnswer } },
    errors: ["queue_not_found"],
    async handle({ params, query, body, caller }) {
      const reference = { tenantId: ownerOf(caller, query.shared), name: params.name };
      const pause = await pauseQueue(pauseDeps(api), reference, { actor: caller.actor, reason: body.reason });
      return { status: 200, body: presentPause(pause) };
    },
  });
}

function resumeRoute(api: Api): Route {
  return defineRoute({
    method: "post",
    path: "/v1/queues/{name}/resume",
    name: "resumeQueue",
    tag: "queues",
    summary: "Lift the pause of a queue",
    about: `A pause of everything stays in force. ${byAPerson}`,
    access: { scope: "operate" },
    params: nameParams,
    query: sharedQuery,
    body: resumeBody,
    answers: { 200: { about: "It is not paused by itself any more.", schema: pauseAnswer } },
    errors: ["queue_not_found", "person_needed"],
    async handle({ params, query, body, caller }) {
      const reference = { tenantId: ownerOf(caller, query.shared), name: params.name };
      await resumeQueue(pauseDeps(api), reference, {
        actor: caller.actor,
        reason: body?.reason ?? "resumed",
      });
      return { status: 200, body: presentPause(null) };
    },
  });
}

function pauseTenantRoute(api: Api): Route {
  return defineRoute({
    method: "post",
    path: "/v1/tenants/{name}/pause",
    name: "pauseTenant",
    tag: "access",
    summary: "Pause a tenant: nothing new of it starts, in its own queues and in shared ones",
    access: { scope: "operate", installation: true },
    params: nameParams,
    body: pauseBody,
    answers: { 200: { about: "The pause in force.", schema: pauseAnswer } },
    errors: ["not_found"],
    async handle({ params, body, caller }) {
      const { id } = await requireTenant(api, params.name);
      const pause = await pauseTenant(pauseDeps(api), id, { actor: caller.actor, reason: body.reason });
      return { status: 200, body: presentPause(pause) };
    },
  });
}

function resumeTenantRoute(api: Api): Route {
  return defineRoute({
    method: "post",
    path: "/v1/tenants/{name}/resume",
    name: "resumeTenant",
    tag: "access",
    summary: "Lift the pause of a tenant",
    about: `Queues that are paused by themselves stay paused. ${byAPerson}`,
    access: { scope: "operate", installation: true },
    params: nameParams,
    body: resumeBody,
    answers: { 200: { about: "It is not paused as a whole any more.", schema: pauseAnswer } },
    errors: ["not_found", "person_needed"],
    async handle({ params, body, caller }) {
      const { id } = await requireTenant(api, params.name);
      await resumeTenant(pauseDeps(api), id, { actor: caller.actor, reason: body?.reason ?? "resumed" });
      return { status: 200, body: presentPause(null) };
    },
  });
}

function pauseAllRoute(api: Api): Route {
  return defineRoute({
    method: "post",
    path: "/v1/pause",
    name: "pauseAll",
    tag: "queues",
    summary: "Pause everything",
    access: { scope: "operate", installation: true },
    body: pauseBody,
    answers: { 200: { about: "The pause in force.", schema: pauseAnswer } },
    errors: [],
    async handle({ body, caller }) {
      const pause = await pauseAll(pauseDeps(api), { actor: caller.actor, reason: body.reason });
      return { status: 200, body: presentPause(pause) };
    },
  });
}

function resumeAllRoute(api: Api): Route {
  return defineRoute({
    method: "post",
    path: "/v1/resume",
    name: "resumeAll",
    tag: "queues",
    summary: "Lift the pause of everything",
    about: "Queues that are paused by themselves stay paused.",
    access: { scope: "operate", installation: true },
    body: resumeBody,
    answers: { 200: { about: "Nothing is paused as a whole any more.", schema: pauseAnswer } },
    errors: [],
    async handle({ body, caller }) {
      await resumeAll(pauseDeps(api), { actor: caller.actor, reason: body?.reason ?? "resumed" });
      return { status: 200, body: presentPause(null) };
    },
  });
}

const pauseDeps = (api: Api) => ({ database: api.pool, log: api.log });

function presentPause(pause: { reason: string; setBy: string; setAt: Date } | null) {
  return {
    paused: pause !== null,
    reason: pause?.reason ?? null,
    set_by: pause?.setBy ?? null,
    set_at: pause?.setAt.toISOString() ?? null,
  };
}

export const pauseRoutes = (api: Api): Route[] => [
  pauseRoute(api),
  resumeRoute(api),
  pauseTenantRoute(api),
  resumeTenantRoute(api),
  pauseAllRoute(api),
  resumeAllRoute(api),
];
