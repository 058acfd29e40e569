/** Which other ending an answer gets: a scripted fault first, else the configured shares, drawn from its own text. */
import { hashText, unit } from "../chance.ts";
import { numberParam } from "../faults.ts";
import type { Action, FaultRule } from "../faults.ts";
import type { World } from "../world.ts";
import type { Twist } from "./answer.ts";

export interface Ending {
  readonly twist: Twist | null;
  readonly stretch: number;
}

const straight: Ending = { twist: null, stretch: 1 };

const twists: Partial<Record<Action, Twist>> = {
  refusal: "refusal",
  truncate: "truncate",
  pause_turn: "pause_turn",
  context_exceeded: "context_exceeded",
  thinking_first: "thinking_first",
  broken_json: "broken_json",
};

export const endingOf = (world: World, rule: FaultRule | null, text: () => string): Ending => {
  if (rule !== null)
    return {
      twist: twists[rule.action] ?? null,
      stretch: rule.action === "stretch" ? numberParam(rule, "factor", 4) : 1,
    };
  const { refusal, truncated, pause_turn } = world.behaviour.shares;
  if (refusal + truncated + pause_turn === 0) return straight;
  const drawn = unit(hashText(text(), world.settings.seed ^ 0x5eed));
  if (drawn < refusal) return { twist: "refusal", stretch: 1 };
  if (drawn < refusal + truncated) return { twist: "truncate", stretch: 1 };
  return drawn < refusal + truncated + pause_turn ? { twist: "pause_turn", stretch: 1 } : straight;
};
