// The two rules that budgets elsewhere follow, on one Redis that all processes share. Money is nano-dollars as integers; the sums stay
// far below 2^53.
//
//   shrinking           a call's worst case is reserved; where less is left, the hold is shrunk to that and the call goes all the
//                       same (LiteLLM since 1.84, `_apply_over_budget_reservation_policy`); settled to the real cost afterwards
//   check_then_charge   a call goes while what is booked is below the limit; its cost is booked when it is known

import type { Redis } from "ioredis";

export const rivalRules = ["shrinking", "check_then_charge"] as const;
export type RivalRule = (typeof rivalRules)[number];

export interface Purse {
  /** What is reserved for a call; `wait`: others' calls may give something back; `spent`: nothing is left. */
  reserve(worstNano: bigint): Promise<bigint | "wait" | "spent">;
  settle(heldNano: bigint, costNano: bigint): Promise<void>;
}

const reserveShrinking = `
  local left = tonumber(ARGV[1]) - tonumber(redis.call('GET', KEYS[1]) or '0') - tonumber(redis.call('GET', KEYS[2]) or '0')
  if left <= 0 then
    if tonumber(redis.call('GET', KEYS[2]) or '0') > 0 then return -1 end
    return -2
  end
  local hold = math.min(left, tonumber(ARGV[2]))
  redis.call('INCRBY', KEYS[2], string.format('%.0f', hold))
  return hold
`;

/** The purse of a rule with this limit; all processes of a race name the same keys. */
export function openPurse(redis: Redis, rule: RivalRule, limitNano: bigint): Purse {
  const [spent, held] = [`budget:${rule}:spent`, `budget:${rule}:held`];
  const settle: Purse["settle"] = async (heldNano, costNano) => {
    await redis.multi().incrby(held, (-heldNano).toString()).incrby(spent, costNano.toString()).exec();
  };
  switch (rule) {
    case "shrinking":
      return {
        reserve: async (worstNano) => {
          const hold = Number(
            await redis.eval(reserveShrinking, 2, spent, held, limitNano.toString(), worstNano.toString()),
          );
          if (hold === -1) return "wait";
          return hold === -2 ? "spent" : BigInt(hold);
        },
        settle,
      };
    case "check_then_charge":
      return {
        reserve: async () => (BigInt((await redis.get(spent)) ?? "0") < limitNano ? 0n : "spent"),
        settle,
      };
    default:
      return rule satisfies never;
  }
}
