// Models that the provider refuses to a credential.
//
// A 403 says that the key may not do what it asked for; whether that is the model or everything is not said. So the first refusal of a
// request that names a model holds back that model, and a second model first refused within a minute, with nothing answered in
// between, means the credential (queries/credentials/refuse-model.sql). Work for a held model waits and never fails; after a while
// one request is let through to see whether the model is allowed again, and an answer to it lifts the rest.

/** By model: when it was last refused, and when it was last refused or tried. */
export type RefusedModels = ReadonlyMap<string, { readonly refusedAt: Date; readonly triedAt: Date }>;

/** First refusals this close to each other, in milliseconds, are taken for one cause: longer than any call's queue, shorter than a probe. */
export const refusedTogetherMs = 60_000;

export interface ModelStanding {
  /** Nothing of these starts. */
  readonly held: ReadonlySet<string>;
  /** One request of each of these may be tried. */
  readonly probing: ReadonlySet<string>;
}

/** Which refused models wait and which are due for a try; a probe every `probeMs`. */
export function standingOf(refused: RefusedModels, now: Date, probeMs: number): ModelStanding {
  const held = new Set<string>();
  const probing = new Set<string>();
  for (const [model, { triedAt }] of refused)
    (now.getTime() - triedAt.getTime() < probeMs ? held : probing).add(model);
  return { held, probing };
}
