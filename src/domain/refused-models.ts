// Models that the provider refuses to a credential.
//
// A 403 says that the key may not do what it asked for; whether that is the model or everything is not said. So the first refusal of a
// request that names a model holds back that model, and a second model first refused within a minute, with nothing answered in
// between, means the credential, as do one refused for a minute and one known to be refused once more, with nothing answered in between
// (queries/credentials/refuse-model.sql). Work for a held model waits and never fails; after a while
// one request is let through to see whether the model is allowed again, and an answer to it lifts the rest.
//
// Or it is the request: what one asks for may be refused by a policy of the provider's. Such a job is refused again and again while
// its model answers others in between. So a try goes to a job that was not refused yet, as long as there is one, and a job that is
// refused for the third time, its model having answered others after each time before or in the same message batch, fails and holds
// nobody back.

/** By model: when it was last refused, when it was last refused or tried, and which jobs were refused last, the last at the end. */
export type RefusedModels = ReadonlyMap<
  string,
  { readonly refusedAt: Date; readonly triedAt: Date; readonly jobs: readonly string[] }
>;

/** First refusals this close to each other, in milliseconds, are taken for one cause: longer than any call's queue, shorter than a probe. */
export const refusedTogetherMs = 60_000;

/** Jobs of a refused model, those refused last, that are tried behind the others. */
export const refusedJobsMax = 50;

/** The failure code of a job that is refused while its model answers others. */
export const requestForbidden = "request_forbidden";
/** The end of such a job. */
export const forbidden = { state: "failed", failureCode: requestForbidden, failureFault: "policy" } as const;
const refusalsMax = 3;

/** Whether a refusal is the request's own, after the model has answered others `times` times since it refused this one. */
export const isForbidden = (times: number): boolean => times + 1 >= refusalsMax;

export interface ModelStanding {
  /** Nothing of these starts. */
  readonly held: ReadonlySet<string>;
  /** One request of each of these may be tried; with the jobs that were refused. */
  readonly probing: Probing;
}

/** By model that may be tried: the jobs that were refused, the last at the end. */
export type Probing = ReadonlyMap<string, readonly string[]>;

/** All jobs that are remembered as refused, of the models that may be tried. */
export const rememberedOf = (probing: Probing): string[] => [...probing.values()].flat();

/** Which refused models wait and which are due for a try; a probe every `probeMs`. */
export function standingOf(refused: RefusedModels, now: Date, probeMs: number): ModelStanding {
  const held = new Set<string>();
  const probing = new Map<string, readonly string[]>();
  for (const [model, { triedAt, jobs }] of refused) {
    if (now.getTime() - triedAt.getTime() < probeMs) held.add(model);
    else probing.set(model, jobs);
  }
  return { held, probing };
}

/** Once these models are being tried, or cannot be tried now: they wait with those that are not due. */
export const holdBack = ({ held, probing }: ModelStanding, models: Iterable<string>): ModelStanding => {
  const waiting = new Set(models);
  return {
    held: new Set([...held, ...waiting]),
    probing: new Map([...probing].filter(([model]) => !waiting.has(model))),
  };
};

/** Rows in the order in which they are to be tried: those that were refused last of all, the one refused last at the end. */
export function refusedLast<Row extends { readonly id: string; readonly model: string }>(
  rows: readonly Row[],
  probing: Probing,
): readonly Row[] {
  if (probing.size === 0) return rows;
  const placeOf = ({ id, model }: Row): number => probing.get(model)?.indexOf(id) ?? -1;
  return rows.toSorted((a, b) => placeOf(a) - placeOf(b));
}
