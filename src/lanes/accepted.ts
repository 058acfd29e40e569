// Whether a request is still the one that was accepted: byte for byte, and with no more in it than its hold was computed from. A later
// version may find more in the same bytes than the one that took them in (a fee, a feature it did not know): such a request would be
// sent under a hold too small for its bill. Both lanes ask this before they send.

import { createHash } from "node:crypto";
import { costsNoMore } from "../domain/price.ts";
import type { CostTraits } from "../domain/price.ts";
import type { RenderedRequest } from "../domain/rendered-request.ts";

/** What the row of a job says of its request. */
export interface AcceptedRequest {
  readonly requestSha256: Buffer;
  readonly inputTokensMax: number;
  readonly traits: CostTraits;
}

export function isAsAccepted(
  { params, inputTokensMax, traits }: RenderedRequest,
  accepted: AcceptedRequest,
): boolean {
  return (
    createHash("sha256").update(params).digest().equals(accepted.requestSha256) &&
    inputTokensMax <= accepted.inputTokensMax &&
    costsNoMore(traits, accepted.traits)
  );
}
