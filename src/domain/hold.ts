// Admission under ceilings: which of several requests for money fit, decided in one place.
//
// Several requests are decided together, because locking the budget rows once for fifty calls is what makes holds cheap. The
// rule is a running sum in the order given: a request is admitted if it fits into every window it names beside all those
// admitted before it; one that does not fit takes nothing and never fails its neighbours. A hold is never shrunk to what is
// left: a smaller hold than the worst case is how other "hard" budgets overshoot.

export interface HoldRequest {
  /** Worst case of the call, in nano-dollars. */
  amountNano: bigint;
  /** Budget windows the call must fit into; none means no ceiling applies. */
  windowIds: readonly bigint[];
}

/**
 * Decides a group of requests against what is available in each window (limit − spent − held, nano-dollars).
 * Returns one verdict a request, in the same order. A window that is not in the map admits nothing.
 */
export function admit(
  availableNano: ReadonlyMap<bigint, bigint>,
  requests: readonly HoldRequest[],
): boolean[] {
  const left = new Map(availableNano);
  return requests.map((request) => {
    const fits = request.windowIds.every((id) => (left.get(id) ?? -1n) >= request.amountNano);
    if (fits) for (const id of request.windowIds) left.set(id, (left.get(id) ?? 0n) - request.amountNano);
    return fits;
  });
}
