// One line against its job type: validated, rendered once to know its size and bound, given its lane. The rendered text itself is
// not kept: it is rendered again, byte for byte the same, when it is sent.
import { hash } from "node:crypto";
import { brokenCaps, type Caps } from "../domain/caps.ts";
import type { FieldError } from "../domain/errors.ts";
import type { InputError } from "../domain/input-error.ts";
import { chooseLane, mayWait } from "../domain/lane.ts";
import type { PreparedJobs } from "../domain/prepared-jobs.ts";
import { priceAt, worstCostNanoUsd } from "../domain/price.ts";
import type { RenderedRequest } from "../domain/rendered-request.ts";
import type { Lane } from "../domain/job.ts";
import { limits } from "../config/limits.ts";
import type { NewJob } from "../postgres/intake.ts";
import { chooseLabels, chooseTreatment, saysWhen, type Defaults } from "./choose.ts";
import type { Labels, LineFields } from "./line-schema.ts";

export interface LineRules extends Defaults {
  readonly labels: Labels;
  readonly caps: Caps;
  /** The input is made of the request's own parameters. */
  readonly plain: boolean;
  readonly now: Date;
  readonly batchDeadlineMinMs: number;
  readonly newId: () => string;
}

export interface JobLine {
  readonly number: number;
  readonly fields: LineFields;
  readonly retryOf?: string;
}

export type CheckedLine =
  | { readonly ok: true; readonly job: NewJob; readonly bytes: number }
  | {
      readonly ok: false;
      readonly errors: readonly FieldError[];
      readonly codes: readonly InputError["code"][];
    };

/** Checks a line. `bytes` is about what it takes in memory and on the wire to the database. */
export function checkLine(line: JobLine, prepared: PreparedJobs, rules: LineRules): CheckedLine {
  const labels = chooseLabels(line.fields.labels, rules.labels);
  if (labels !== null && Object.keys(labels).length > limits.labelsMax) {
    const reason = `must have at most ${limits.labelsMax} labels together with those of the upload`;
    return { ok: false, errors: [{ field: "labels", reason }], codes: ["invalid_input"] };
  }
  const checked = prepared.check(line.fields.input);
  if (!checked.ok)
    return {
      ok: false,
      errors: checked.errors.map(lineError),
      codes: checked.errors.map(({ code }) => code),
    };
  const { params, ...request } = checked.request;
  const broken = brokenCaps(request, rules.caps, rules.plain);
  if (broken.length > 0) return { ok: false, errors: broken.map(lineError), codes: ["cap_exceeded"] };
  const treatment = chooseTreatment(line.fields, rules);
  const lane = chooseLane({
    ...treatment,
    now: rules.now,
    batchDeadlineMinMs: rules.batchDeadlineMinMs,
    batchable: request.batchable,
  });
  return {
    ok: true,
    bytes: checked.input.length,
    job: {
      id: rules.newId(),
      line: line.number,
      key: line.fields.key ?? null,
      lane,
      ...treatment,
      mayWait: mayWait({
        lane,
        batchable: request.batchable,
        deadlineAt: treatment.deadlineAt,
        choseItself: rules.single || saysWhen(line.fields),
      }),
      labels: labels === null ? null : JSON.stringify(labels),
      retryOf: line.retryOf ?? null,
      input: checked.input,
      request,
      requestSha256: hash("sha256", params, "hex"),
      worstNano: worstOf(request, lane, rules.now),
    },
  };
}

/** The most one attempt can cost by the prices of now; a model without a price was refused before. */
function worstOf(request: Omit<RenderedRequest, "params">, lane: Lane, now: Date): bigint {
  const price = priceAt(request.model, now.getTime());
  return price === undefined ? 0n : worstCostNanoUsd({ ...request, lane, price });
}

/** An error of the input as an error of its line; a code that says more than "invalid" stands behind the reason. */
function lineError({ field, code, reason }: InputError): FieldError {
  return {
    field: field === "" ? "input" : `input.${field}`,
    reason: code === "invalid_input" ? reason : `${reason} (${code})`,
  };
}
