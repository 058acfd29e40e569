// How one attempt's request may differ from the one its input renders to. The same variation gives the same bytes, always; absent
// members leave it as it is. The request that was accepted (or, of a continued job, stored) is rendered and its hash compared first;
// only then is it sent with a cap of its own, so that nothing else can have changed.

export interface Variation {
  /** In the place of the declared `max_tokens`. */
  readonly maxTokens?: number;
  /** Further turns behind those of the request, each the JSON text of a message. */
  readonly turns?: readonly string[];
}
