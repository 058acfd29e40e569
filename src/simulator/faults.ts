/**
 * Scripted misbehaviour. A rule says what it matches, what happens, and how often; the first armed rule that matches at
 * its stage fires. Stages, in the order a request meets them:
 *
 *   upload    while the body of a create arrives (matched by path and key only)
 *   request   the body was read, nothing was done: nothing is stored or billed
 *   answer    an answer or a batch line is produced: changes how it ends
 *   line      a batch line only
 *   reply     the work was done, stored and billed: the response is lost or mangled
 *   download  batch results are streamed
 *
 * Chance goes by the rule's seed and by the text it is matched against, so the same rule hits the same lines every time;
 * only repeated identical requests are told apart, by counting.
 */
import { hashText, mix, unit } from "./chance.ts";

export type Stage = "upload" | "request" | "answer" | "line" | "reply" | "download";

const stageOf = {
  reset_upload: "upload",
  error: "request",
  reset: "request",
  hang: "request",
  delay: "request",
  refusal: "answer",
  truncate: "answer",
  pause_turn: "answer",
  context_exceeded: "answer",
  thinking_first: "answer",
  broken_json: "answer",
  stretch: "answer",
  stream_error: "reply",
  errored: "line",
  expired: "line",
  canceled: "line",
  lose_response: "reply",
  stall_body: "reply",
  cut_body: "reply",
  slow_body: "reply",
  tiny_chunks: "download",
  slow_drip: "download",
  cut_mid_line: "download",
  cut_at_line_end: "download",
  reset_download: "download",
  stall_download: "download",
  blank_line: "download",
  huge_line: "download",
} as const satisfies Record<string, Stage>;

export type Action = keyof typeof stageOf;

export interface Match {
  readonly path?: string;
  readonly method?: string;
  /** Text in the body of a call, in a batch line, or in any line of a create. */
  readonly contains?: string;
  readonly model?: string;
  readonly lane?: "realtime" | "batch";
  /** Hash of the key, as the request log shows it. */
  readonly key?: string;
  /** Only the n-th match, counted from 1. */
  readonly nth?: number;
  /** Every n-th match. */
  readonly every?: number;
}

export type FaultParams = Readonly<Record<string, string | number | boolean | null>>;

export interface FaultRule {
  readonly id: number;
  readonly action: Action;
  readonly stage: Stage;
  readonly match: Match;
  readonly params: FaultParams;
  readonly probability: number;
  readonly seed: number;
  /** Firings left; null means without end. */
  timesLeft: number | null;
  matched: number;
  fired: number;
}

/** What a rule is held against. `text` is only asked for when a rule needs it. */
export interface Subject {
  readonly path: string;
  readonly method: string;
  readonly keyHash: string | null;
  readonly lane?: "realtime" | "batch";
  readonly model?: string | null;
  readonly text?: () => string;
}

export const actions: readonly string[] = Object.keys(stageOf);

const isAction = (name: string): name is Action => Object.hasOwn(stageOf, name);

/** A fault as posted to `/_sim/faults`; throws an Error that names the wrong member. */
export interface FaultRequest {
  readonly action: string;
  readonly match?: Match;
  readonly times?: number | null;
  readonly probability?: number;
  readonly seed?: number;
  readonly params?: FaultParams;
}

export class Faults {
  #rules: FaultRule[] = [];
  #count = 0;
  readonly #armed = new Set<Stage>();

  add(request: FaultRequest): FaultRule {
    const { action } = request;
    if (!isAction(action)) {
      throw new Error(`action: unknown "${action}", one of ${actions.join(", ")}`);
    }
    this.#count += 1;
    const rule: FaultRule = {
      id: this.#count,
      action,
      stage: stageOf[action],
      match: request.match ?? {},
      params: request.params ?? {},
      probability: request.probability ?? 1,
      seed: request.seed ?? this.#count,
      timesLeft: request.times ?? (request.times === null ? null : 1),
      matched: 0,
      fired: 0,
    };
    this.#rules.push(rule);
    this.#armed.add(rule.stage);
    return rule;
  }

  list(): readonly FaultRule[] {
    return this.#rules;
  }

  /** Removes one rule, or all. Returns how many. */
  clear(id: number | null): number {
    const before = this.#rules.length;
    this.#rules = id === null ? [] : this.#rules.filter((rule) => rule.id !== id);
    this.#armed.clear();
    for (const rule of this.#rules) this.#armed.add(rule.stage);
    return before - this.#rules.length;
  }

  /** Texts that armed rules of a stage look for; the create scanner searches its lines for these. */
  needles(stages: readonly Stage[]): readonly string[] {
    const wanted = this.#rules.filter((rule) => stages.includes(rule.stage) && rule.timesLeft !== 0);
    return [
      ...new Set(wanted.flatMap((rule) => (rule.match.contains === undefined ? [] : [rule.match.contains]))),
    ];
  }

  /** The first rule of the stage that fires for the subject; it counts as fired. */
  take(stage: Stage, subject: Subject): FaultRule | null {
    if (!this.#armed.has(stage)) return null;
    for (const rule of this.#rules) {
      if (
        rule.stage === stage &&
        rule.timesLeft !== 0 &&
        isMatch(rule.match, subject) &&
        this.#fires(rule, subject)
      ) {
        rule.fired += 1;
        if (rule.timesLeft !== null) rule.timesLeft -= 1;
        return rule;
      }
    }
    return null;
  }

  #fires(rule: FaultRule, subject: Subject): boolean {
    rule.matched += 1;
    const { nth, every } = rule.match;
    if (nth !== undefined && rule.matched !== nth) return false;
    if (every !== undefined && rule.matched % every !== 0) return false;
    if (rule.probability >= 1) return true;
    const salt = subject.text === undefined ? rule.matched : hashText(subject.text(), rule.seed);
    // A realtime call that is sent again may fare better; a batch line is drawn once, so counting would only reorder it.
    return (
      unit(mix(salt, subject.lane === "batch" ? rule.seed : mix(rule.seed, rule.matched))) < rule.probability
    );
  }
}

const isMatch = (match: Match, subject: Subject): boolean =>
  (match.path === undefined || pathMatches(match.path, subject.path)) &&
  isSame(match.method, subject.method) &&
  isSame(match.lane, subject.lane) &&
  isSame(match.model, subject.model) &&
  isSame(match.key, subject.keyHash) &&
  (match.contains === undefined || (subject.text?.().includes(match.contains) ?? false));

/** What a rule does not name matches everything. */
const isSame = (wanted: string | undefined, have: string | null | undefined): boolean =>
  wanted === undefined || wanted === have;

/** Exact, or a prefix when the pattern ends in `*`; `{id}` stands for one path segment. */
const pathMatches = (pattern: string, path: string): boolean => {
  if (pattern.endsWith("*")) return path.startsWith(pattern.slice(0, -1));
  if (!pattern.includes("{id}")) return pattern === path;
  const [before = "", after = ""] = pattern.split("{id}");
  const middle = path.slice(before.length, path.length - after.length);
  return path.startsWith(before) && path.endsWith(after) && middle !== "" && !middle.includes("/");
};

export const numberParam = (rule: FaultRule, name: string, fallback: number): number => {
  const value = rule.params[name];
  return typeof value === "number" ? value : fallback;
};

export const textParam = (rule: FaultRule, name: string): string | undefined => {
  const value = rule.params[name];
  return typeof value === "string" ? value : undefined;
};
