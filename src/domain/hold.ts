// Admission under ceilings: which of several requests for money fit, decided in one place.
//
// Several requests are decided together, because locking the budget rows once for fifty calls is what makes holds cheap. The
// rule is a running sum in the order given: a request is admitted if it fits into every window it names beside all those
// admitted before it; one that does not fit takes nothing and never fails its neighbours. A hold is never shrunk to what is
// left: a smaller hold than the worst case is how other "hard" budgets overshoot.
//
// Work that no budget covers is bound by nothing. Whether it runs all the same is the installation's word (`Unbudgeted`).

import type { Unbudgeted } from "./budget.ts";

export interface HoldRequest {
  /** Worst case of the call, in nano-dollars. */
  amountNano: bigint;
  /** Budget windows the call must fit into; none means that no budget covers it. */
  windowIds: readonly bigint[];
  /** Of the requests that share such a name the first that fits is admitted, and those behind it are passed over. */
  oneOf?: string | undefined;
}

export interface Verdict {
  fits: boolean;
  /** The windows without room for it; none where it fits, and none where no budget covers it. */
  shortIds: readonly bigint[];
  /** Nothing was asked for it: another of its name was admitted. */
  passedOver?: true;
}

/**
 * Decides a group of requests against what is available in each window (limit − spent − held, nano-dollars).
 * Returns one verdict a request, in the same order. A window that is not in the map admits nothing.
 */
export function admit(
  availableNano: ReadonlyMap<bigint, bigint>,
  requests: readonly HoldRequest[],
  unbudgeted: Unbudgeted,
): Verdict[] {
  const left = new Map(availableNano);
  const taken = new Set<string>();
  return requests.map(({ windowIds, amountNano, oneOf }) => {
    if (oneOf !== undefined && taken.has(oneOf)) return { fits: false, shortIds: [], passedOver: true };
    const shortIds = windowIds.filter((id) => (left.get(id) ?? -1n) < amountNano);
    const fits = shortIds.length === 0 && (windowIds.length > 0 || unbudgeted === "allow");
    if (fits) for (const id of windowIds) left.set(id, (left.get(id) ?? 0n) - amountNano);
    if (fits && oneOf !== undefined) taken.add(oneOf);
    return { fits, shortIds };
  });
}
