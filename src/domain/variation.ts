// How one attempt's request may differ from the one its job was accepted, bounded and hashed with. The accepted request is rendered
// and its hash compared first; only then is it varied, so that nothing else can have changed. Absent members leave it as it is.

export interface Variation {
  /** In the place of the declared `max_tokens`. */
  readonly maxTokens?: number;
  /** Further turns, JSON text of one message each, behind those of the request. */
  readonly turns?: readonly string[];
}
