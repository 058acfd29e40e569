// Support tickets of an invented shop, as many as wanted and the same ones every time: what the demo and the tests feed in when no
// data of one's own is at hand. Ticket n depends on n alone, so a longer run begins with the tickets of a shorter one.
import { oddTickets } from "./odd-tickets.ts";
import { asides, closings, type Intent, openings, statements, values, intents } from "./phrases.ts";

export interface Ticket {
  /** Unique in a run; serves as the key of the line. */
  readonly id: string;
  readonly text: string;
  /** What its writer wants, as whoever wrote this generator sees it. */
  readonly intent: Intent;
}

/** One ticket in this many is an odd one. */
const oddEvery = 25;

/** The first `count` sample tickets. */
export function sampleTickets(count: number): Ticket[] {
  return Array.from({ length: count }, (_, index) => sampleTicket(index));
}

function sampleTicket(index: number): Ticket {
  const id = `ticket-${String(index + 1).padStart(5, "0")}`;
  if (index % oddEvery === oddEvery - 1) {
    const odd = pick(oddTickets, Math.floor(index / oddEvery) % oddTickets.length);
    return { id, ...odd };
  }
  const draw = chance(index);
  const intent = pick(intents, draw(intents.length));
  const parts = [openings, statements[intent], asides, closings].map((texts) =>
    pick(texts, draw(texts.length)),
  );
  const text = parts.filter((part) => part !== "").join(draw(4) === 0 ? "\n\n" : " ");
  return { id, intent, text: fill(text, index, draw) };
}

type Draw = (below: number) => number;

function fill(text: string, index: number, draw: Draw): string {
  return text.replaceAll(/\{(\w+)\}/g, (_, name: string) => valueOf(name, index, draw));
}

function valueOf(name: string, index: number, draw: Draw): string {
  switch (name) {
    case "order":
      return `K-${240_000 + index * 7 + draw(7)}`;
    case "days":
      return String(3 + draw(18));
    case "amount":
      return `${9 + draw(290)}.${draw(2) === 0 ? "00" : "95"} euros`;
    case "date":
      return `${1 + draw(28)} ${pick(["September", "October", "November"], draw(3))}`;
    default: {
      const known = values[name] ?? [];
      return pick(known, draw(known.length));
    }
  }
}

function pick<T>(list: readonly T[], at: number): T {
  const found = list[at];
  if (found === undefined) throw new Error(`there is no choice number ${at}`);
  return found;
}

/** Mulberry32, seeded by the ticket's number: even enough for texts, and the same on every machine. */
function chance(seed: number): Draw {
  let state = (seed + 1) * 0x9e_37_79_b1;
  return (below) => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
