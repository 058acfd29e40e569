/**
 * How the request of an attempt differs from the one its input renders to. The same variation gives the same bytes, always; what is
 * left out is as the input says.
 */
export interface Variation {
  /** Another `max_tokens`. */
  readonly maxTokens?: number;
  /** Turns behind the request's own, each the JSON text of a message. */
  readonly turns?: readonly string[];
}
