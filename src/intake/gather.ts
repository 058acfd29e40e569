// Gathering the lines of a submission, whether they are to be stored or only quoted.
import { ServiceError } from "../domain/errors.ts";
import { capsOf } from "./caps.ts";
import type { IntakeDeps, Submission } from "./submit.ts";
import { type Line, Upload } from "./upload.ts";

export function openUpload(deps: IntakeDeps, submission: Submission, now: Date): Upload {
  const upload = new Upload(submission.jobType, {
    upload: submission.choices,
    jobType: submission.jobType,
    queue: submission.queue,
    single: submission.single,
    labels: submission.labels,
    caps: capsOf(deps, submission),
    plain: submission.jobType.model === null,
    now,
    batchDeadlineMinMs: deps.settings.batchDeadlineMinMs,
    newId: deps.newId,
  });
  if (submission.shared !== undefined && submission.shared !== null) upload.share(submission.shared, null);
  return upload;
}

/** Reads until the chunk is full (false) or there are no more lines (true). */
export async function fill(upload: Upload, lines: AsyncIterator<readonly Line[]>): Promise<boolean> {
  while (!upload.chunkIsFull) {
    // oxlint-disable-next-line no-await-in-loop -- a stream is read in order
    const next = await lines.next();
    if (next.done === true) return true;
    for (const line of next.value) upload.take(line);
  }
  return false;
}

/** @throws ServiceError empty_upload | invalid_lines | invalid_input | price_unknown | unbounded_cost | cap_exceeded */
export function refuseIfInvalid(upload: Upload, submission: Submission): void {
  const { accepted, invalid } = upload;
  if (accepted === 0 && invalid === 0) throw new ServiceError("empty_upload");
  if (invalid === 0 || (submission.onInvalid === "skip" && accepted > 0)) return;
  const fields = upload.inlineErrors;
  if (submission.single) {
    const own = fields.map(({ field, reason }) => ({ field, reason }));
    throw new ServiceError(upload.commonCode ?? "invalid_input", { fields: own });
  }
  throw new ServiceError("invalid_lines", {
    detail:
      accepted === 0
        ? `No line of it is valid (${invalid} in all).`
        : `${invalid} of ${accepted + invalid} lines are not valid; the first ${fields.length} errors are listed.`,
    fields,
    extra: { accepted: 0, invalid },
  });
}
