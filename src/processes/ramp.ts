// How wide work comes back after its stop was lifted, for both lanes. Lines of a type that fixes its model name that one; of others it is
// not known before they are read, and after the stop of a model they all come back gently.

import { widthAfter } from "../domain/flag.ts";
import type { WorkScope } from "../domain/work-scope.ts";
import type { Runtime } from "./runtime.ts";

export const rampOf =
  ({ flags, jobTypes, config }: Runtime) =>
  (work: WorkScope): number =>
    widthAfter(
      flags.lifted,
      { ...work, model: jobTypes.get(work.jobType)?.model ?? work.model },
      config.rampMs,
    );
